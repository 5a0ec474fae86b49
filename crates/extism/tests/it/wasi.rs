//! WASI: only what is granted.

use extism::{ErrorExt, Manifest, Plugin, PluginBuilder, Status};

use crate::support::{fixture, told};

#[test]
fn files_in_allowed_folders() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data.txt"), "hello world!").unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    for name in ["published_wasi", "ours_wasi"] {
        let writable = Manifest::new([fixture(name)]).with_allowed_path(path.clone(), "/data");
        let mut plugin = PluginBuilder::new(writable)
            .with_wasi(true)
            .build()
            .unwrap();
        assert!(plugin.has_wasi());
        assert_eq!(
            plugin
                .call::<_, &str>("read_file", "/data/data.txt")
                .unwrap(),
            "hello world!"
        );
        plugin
            .call::<_, ()>("write_file", "/data/new.txt=written")
            .unwrap();
        assert_eq!(
            std::fs::read_to_string(folder.path().join("new.txt")).unwrap(),
            "written"
        );
        plugin
            .call::<_, ()>("remove_file", "/data/new.txt")
            .unwrap();
        assert_eq!(
            plugin.call::<_, &str>("list_dir", "/data").unwrap(),
            "data.txt"
        );
        for outside in ["/etc/passwd", "/data/../../etc/passwd"] {
            let error = plugin.call::<_, ()>("read_file", outside).unwrap_err();
            assert_eq!(error.status(), Some(Status::GuestError), "{outside}");
        }

        let read_only =
            Manifest::new([fixture(name)]).with_allowed_path(format!("ro:{path}"), "/data");
        let mut plugin = Plugin::new(&read_only, [], true).unwrap();
        assert_eq!(
            plugin
                .call::<_, &str>("read_file", "/data/data.txt")
                .unwrap(),
            "hello world!"
        );
        let error = plugin
            .call::<_, ()>("write_file", "/data/data.txt=x")
            .unwrap_err();
        assert_eq!(error.status(), Some(Status::GuestError));
        assert_eq!(
            std::fs::read_to_string(folder.path().join("data.txt")).unwrap(),
            "hello world!"
        );
    }
}

#[test]
fn a_missing_folder_is_known_at_once() {
    let manifest = Manifest::new([fixture("published_wasi")])
        .with_allowed_path("/no/such/folder".into(), "/data");
    let error = Plugin::new(&manifest, [], true).unwrap_err();
    let text = "No such file or directory (os error 2)";
    assert_eq!(told(&error), (Status::NotFound, text.into()));
}

#[test]
fn exit_codes() {
    let manifest = Manifest::new([fixture("published_wasi")]);
    let mut plugin = Plugin::new(&manifest, [], true).unwrap();
    plugin.call::<_, ()>("exit_code", "0").unwrap();
    let (error, code) = plugin
        .call_get_error_code::<_, ()>("exit_code", "3")
        .unwrap_err();
    assert_eq!(
        (code, error.status(), error.guest_code()),
        (3, Some(Status::GuestExit), Some(3))
    );
    assert!(
        format!("{error:?}").contains("Exited with i32 exit status 3"),
        "{error:?}"
    );
}

#[test]
fn arguments_and_environment_are_the_hosts_choice() {
    let manifest = Manifest::new([fixture("ours_wasi")]);
    let mut plugin = Plugin::new(&manifest, [], true).unwrap();
    assert_eq!(plugin.call::<_, &str>("arguments", ()).unwrap(), "");
    assert_eq!(plugin.call::<_, &str>("environment", ()).unwrap(), "");
    let mut plugin = PluginBuilder::new(&manifest)
        .with_wasi(true)
        .with_wasi_args(["name", "--flag"])
        .with_wasi_env([("A", "1"), ("B", "2")])
        .with_wasi_output(false)
        .build()
        .unwrap();
    assert_eq!(
        plugin.call::<_, &str>("arguments", ()).unwrap(),
        "name\n--flag"
    );
    assert_eq!(
        plugin.call::<_, &str>("environment", ()).unwrap(),
        "A=1\nB=2"
    );
    plugin.call::<_, ()>("print", "to nowhere").unwrap();
}

#[test]
fn without_wasi_there_is_none() {
    let manifest = Manifest::new([fixture("published_wasi")]);
    let error = Plugin::new(&manifest, [], false).unwrap_err();
    assert_eq!(error.status(), Some(Status::ImportUnknown));
    let text = error.root_cause().to_string();
    assert!(
        text.starts_with("unknown import: `wasi_snapshot_preview1::"),
        "{text}"
    );
}
