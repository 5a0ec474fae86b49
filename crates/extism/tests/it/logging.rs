//! Log messages: a sink per plug-in, and the process-wide callback.

use std::sync::{Arc, Mutex};

use extism::{Level, Manifest, Plugin, PluginBuilder, set_log_callback};

use crate::support::fixture;

type Seen = Arc<Mutex<Vec<(Level, String)>>>;

#[test]
fn a_sink_of_ones_own() {
    let seen = Seen::default();
    let sink = Arc::clone(&seen);
    let mut plugin = PluginBuilder::new(Manifest::new([fixture("published")]))
        .with_log_sink(Level::Info, move |record| {
            sink.lock()
                .unwrap()
                .push((record.level, record.message.to_owned()));
        })
        .build()
        .unwrap();
    plugin.call::<_, ()>("log_all", "hello").unwrap();
    let expected = [
        (Level::Info, "info hello"),
        (Level::Warn, "warn hello"),
        (Level::Error, "error hello"),
    ];
    let found = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(
        found,
        expected.map(|(level, text)| (level, text.to_owned()))
    );

    let id = plugin.id;
    let sink = Arc::clone(&seen);
    plugin.set_log_sink(Level::Error, move |record| {
        assert_eq!(record.plugin, id);
        sink.lock()
            .unwrap()
            .push((record.level, record.message.to_owned()));
    });
    plugin.call::<_, ()>("log_all", "again").unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [(Level::Error, "error again".to_owned())]
    );
}

#[test]
fn the_process_wide_callback() {
    static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
    set_log_callback(|line| LINES.lock().unwrap().push(line.to_owned()), "warn").unwrap();
    let again = set_log_callback(|_| (), "warn");
    assert!(
        again.unwrap_err().to_string().contains("already"),
        "only once"
    );

    let mut plugin = Plugin::new(Manifest::new([fixture("ours")]), [], false).unwrap();
    plugin.call::<_, ()>("log_all", "to everybody").unwrap();
    // Other tests of this process log, too.
    let id = plugin.id.to_string();
    let lines = LINES.lock().unwrap();
    let mine: Vec<_> = lines.iter().filter(|line| line.contains(&id)).collect();
    assert_eq!(mine.len(), 2, "{mine:?}");
    assert!(
        mine[0].contains("WARN") && mine[0].contains("warn to everybody"),
        "{mine:?}"
    );
    assert!(
        mine[1].contains("ERROR") && mine[1].contains("error to everybody"),
        "{mine:?}"
    );
    assert!(mine[0].ends_with('\n'), "a whole line");
}
