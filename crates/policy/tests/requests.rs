//! Methods, headers, redirects and paths, as tables.

use extism_abi::Status;
use extism_policy::url::Url;
use extism_policy::{
    Access, Follow, PathRule, check_headers, check_method, follow, is_same_origin, path_rules,
    redirected_headers,
};

#[test]
fn methods() {
    for (given, expected) in [
        ("", "GET"),
        ("get", "GET"),
        ("Propfind", "PROPFIND"),
        ("M-SEARCH", "M-SEARCH"),
    ] {
        assert_eq!(check_method(given).as_deref(), Ok(expected));
    }
    for given in [
        "GET /",
        "G\r\nX: y",
        "GÉT",
        "connect",
        "CONNECT",
        " GET",
        "GET\0",
    ] {
        let refused = check_method(given).unwrap_err();
        assert_eq!(refused.status(), Status::HttpRequestInvalid);
        assert_eq!(
            refused.to_string(),
            format!("HTTP method {given:?} is not allowed")
        );
    }
}

#[test]
fn headers() {
    let url = Url::parse("http://a.test:8080/").unwrap();
    // What a plug-in gives, and what is sent of it: `Ok(None)` if the host sets it itself.
    type Sent = Result<Option<&'static str>, &'static str>;
    let table: &[(&str, &str, Sent)] = &[
        ("X-One", "1", Ok(Some("x-one"))),
        ("Accept", "text/html\t; q=1", Ok(Some("accept"))),
        ("X-Umlaut", "grün", Ok(Some("x-umlaut"))),
        ("X-Empty", "", Ok(Some("x-empty"))),
        ("User-Agent", "mine", Ok(Some("user-agent"))),
        ("Accept-Encoding", "identity", Ok(Some("accept-encoding"))),
        ("Authorization", "Bearer 1", Ok(Some("authorization"))),
        ("Host", "a.test:8080", Ok(None)),
        ("HOST", "A.TEST:8080", Ok(None)),
        ("Host", "a.test", Err("it is not the host of the URL")),
        ("Host", "evil.test", Err("it is not the host of the URL")),
        ("Content-Length", "3", Ok(None)),
        ("Content-Length", " 3 ", Ok(None)),
        (
            "Content-Length",
            "4",
            Err("it is not the length of the body"),
        ),
        (
            "Content-Length",
            "-3",
            Err("it is not the length of the body"),
        ),
        (
            "Transfer-Encoding",
            "chunked",
            Err("the host frames the body"),
        ),
        ("TE", "trailers", Err("the host frames the body")),
        ("Trailer", "x", Err("the host frames the body")),
        ("Connection", "keep-alive", Ok(None)),
        ("Connection", "Close", Ok(None)),
        (
            "Connection",
            "upgrade",
            Err("the connection belongs to the host"),
        ),
        ("Keep-Alive", "timeout=5", Ok(None)),
        ("Expect", "100-continue", Ok(None)),
        (
            "Upgrade",
            "websocket",
            Err("the connection belongs to the host"),
        ),
        (
            "Proxy-Authorization",
            "Basic x",
            Err("the connection belongs to the host"),
        ),
        (
            "Proxy-Connection",
            "keep-alive",
            Err("the connection belongs to the host"),
        ),
    ];
    for (name, value, expected) in table {
        let outcome = check_headers(&[(name, value)], &url, 3);
        match expected {
            Ok(Some(kept)) => {
                assert_eq!(outcome, Ok(vec![(kept.to_string(), value.to_string())]))
            }
            Ok(None) => assert_eq!(outcome, Ok(Vec::new()), "{name}: {value}"),
            Err(why) => {
                let refused = outcome.unwrap_err();
                let name = name.to_lowercase();
                assert_eq!(refused.status(), Status::HttpRequestInvalid);
                assert_eq!(
                    refused.to_string(),
                    format!("HTTP header {name:?} is not allowed: {why}")
                );
            }
        }
    }
    for value in ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "a\x7fb", "a\x1bb"] {
        let refused = check_headers(&[("X", value)], &url, 0).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "HTTP header \"x\" has a control character"
        );
    }
    for name in ["", "a b", "a:b", "a\r\nb", "ä", "a\0"] {
        let refused = check_headers(&[(name, "x")], &url, 0).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("HTTP header name {name:?} is not valid")
        );
    }
    let default_port = Url::parse("https://a.test/").unwrap();
    for host in ["a.test", "a.test:443"] {
        assert_eq!(
            check_headers(&[("host", host)], &default_port, 0),
            Ok(Vec::new())
        );
    }
}

#[test]
fn what_a_redirect_is() {
    let table = [
        (301, "GET", Some(Follow::Same)),
        (301, "POST", Some(Follow::AsGet)),
        (301, "PUT", Some(Follow::Same)),
        (302, "POST", Some(Follow::AsGet)),
        (302, "DELETE", Some(Follow::Same)),
        (303, "GET", Some(Follow::Same)),
        (303, "HEAD", Some(Follow::Same)),
        (303, "POST", Some(Follow::AsGet)),
        (303, "PUT", Some(Follow::AsGet)),
        (307, "POST", Some(Follow::Same)),
        (308, "PUT", Some(Follow::Same)),
        (200, "GET", None),
        (300, "GET", None),
        (304, "GET", None),
        (305, "GET", None),
        (306, "GET", None),
        (309, "GET", None),
    ];
    for (status, method, expected) in table {
        assert_eq!(follow(status, method), expected, "{status} to {method}");
    }
}

#[test]
fn origins() {
    let table = [
        ("http://a.test/1", "http://a.test/2", true),
        ("http://a.test/", "http://a.test:80/", true),
        ("http://a.test/", "https://a.test/", false),
        ("http://a.test/", "http://a.test:81/", false),
        ("http://a.test/", "http://b.test/", false),
        ("http://a.test/", "http://b.a.test/", false),
        ("data:,x", "data:,x", false),
    ];
    for (a, b, expected) in table {
        assert_eq!(
            is_same_origin(&a.parse().unwrap(), &b.parse().unwrap()),
            expected,
            "{a} {b}"
        );
    }
}

#[test]
fn what_a_redirect_carries_along() {
    let names = [
        "accept",
        "authorization",
        "content-type",
        "cookie",
        "private-token",
        "x-api-key",
        "x-auth",
        "x-custom",
    ];
    let table: &[(&str, Follow, &[&str])] = &[
        ("https://a.test/2", Follow::Same, &names),
        (
            "https://a.test/2",
            Follow::AsGet,
            &[
                "accept",
                "authorization",
                "cookie",
                "private-token",
                "x-api-key",
                "x-auth",
                "x-custom",
            ],
        ),
        (
            "https://b.test/",
            Follow::Same,
            &["accept", "content-type", "x-custom"],
        ),
        (
            "https://a.test:444/",
            Follow::AsGet,
            &["accept", "x-custom"],
        ),
    ];
    for (to, how, expected) in table {
        let mut headers = names
            .map(|name| (name.to_string(), "v".to_string()))
            .to_vec();
        redirected_headers(
            &mut headers,
            &"https://a.test/1".parse().unwrap(),
            &to.parse().unwrap(),
            *how,
        );
        let kept: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(kept, *expected, "{to} {how:?}");
    }
}

#[test]
fn paths() {
    let rule = |host: &str, guest: &str, access| PathRule {
        host: host.to_string(),
        guest: guest.to_string(),
        access,
    };
    let rules = path_rules([
        ("/a", "/x"),
        ("ro:/a", "/y/"),
        ("ro:ro:b", "."),
        ("./ro:c", "z"),
    ]);
    assert_eq!(
        rules,
        Ok(vec![
            rule("/a", "/x", Access::ReadWrite),
            rule("/a", "/y/", Access::ReadOnly),
            rule("ro:b", ".", Access::ReadOnly),
            rule("./ro:c", "z", Access::ReadWrite),
        ])
    );
    for (first, second) in [
        ("/x", "/x"),
        ("/x", "/x/"),
        ("/x/y", "//x/./y"),
        ("/", "//"),
        ("", "."),
    ] {
        let refused = path_rules([("ro:/a", first), ("/b", second)]).unwrap_err();
        assert_eq!(refused.status(), Status::ManifestField);
        assert_eq!(
            refused.to_string(),
            format!("allowed_paths maps both \"ro:/a\" and \"/b\" to the guest path {second:?}")
        );
    }
    assert!(path_rules([("/a", "x"), ("/b", "/x"), ("/c", "/X")]).is_ok());
}
