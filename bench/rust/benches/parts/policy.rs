//! Deciding on a URL: allowed by a name, by a wildcard, among many patterns, and not at all.
//!
//! Must not know: sockets. Invariant: the decision is checked before it is timed.

use criterion::Criterion;
use extism_policy::HostPolicy;
use extism_policy::url::Url;

pub(super) fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy");
    let few = ["api.example.com", "*.example.org", "http://127.0.0.1:*"].map(String::from);
    let many: Vec<String> = (0..100)
        .map(|number| format!("*.host-{number}.example.com"))
        .collect();
    for (name, patterns, url, allowed) in [
        ("a name", &few[..], "https://api.example.com/v1?q=1", true),
        ("a wildcard", &few, "https://cdn.example.org/x", true),
        ("an address", &few, "http://127.0.0.1:8080/", true),
        (
            "the last of 100",
            &many,
            "https://a.host-99.example.com/",
            true,
        ),
        ("denied by 100", &many, "https://example.net/", false),
    ] {
        let policy = HostPolicy::new(Some(patterns));
        let url: Url = url.parse().expect("it is a URL");
        assert_eq!(policy.decide(&url).is_ok(), allowed, "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| policy.decide(&url)));
    }
    let url = "https://api.example.com/v1?q=1";
    group.bench_function("reading the URL", |bencher| {
        bencher.iter(|| url.parse::<Url>())
    });
}
