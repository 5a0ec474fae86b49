//! What the library is called on each kind of system.
//!
//! Must not know: where files go. Invariant: programs linked against one major version find every later
//! library of that version under the name they recorded.

use crate::project::VERSION;

/// The kinds of systems that differ in the names of libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// Linux and the BSDs.
    Elf,
    MacOs,
    Windows,
}

/// File names of the library.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The shared library itself.
    pub(crate) shared: String,
    /// What a linked program looks for.
    pub(crate) recorded: String,
    /// Links, each with what it points to.
    pub(crate) links: Vec<(String, String)>,
    /// The static library.
    pub(crate) archive: &'static str,
    /// What a program is linked with instead of the shared library.
    pub(crate) import: Option<&'static str>,
}

impl Platform {
    pub(crate) fn host() -> Platform {
        if cfg!(windows) {
            Platform::Windows
        } else if cfg!(target_vendor = "apple") {
            Platform::MacOs
        } else {
            Platform::Elf
        }
    }

    pub(crate) fn names(self) -> Names {
        let major = VERSION.split('.').next().unwrap_or(VERSION);
        let (shared, recorded, plain) = match self {
            Platform::Elf => (
                format!("libextism.so.{VERSION}"),
                format!("libextism.so.{major}"),
                "libextism.so",
            ),
            Platform::MacOs => (
                format!("libextism.{VERSION}.dylib"),
                format!("libextism.{major}.dylib"),
                "libextism.dylib",
            ),
            Platform::Windows => {
                let dll = "extism.dll".to_string();
                let import = Some("extism.dll.lib");
                return Names {
                    shared: dll.clone(),
                    recorded: dll,
                    links: Vec::new(),
                    archive: "extism.lib",
                    import,
                };
            }
        };
        let links = vec![
            (recorded.clone(), shared.clone()),
            (plain.to_string(), recorded.clone()),
        ];
        Names {
            shared,
            recorded,
            links,
            archive: "libextism.a",
            import: None,
        }
    }

    /// What the linker is told, so that a linked program records the right name.
    pub(crate) fn link_argument(self) -> Option<String> {
        let recorded = self.names().recorded;
        match self {
            Platform::Elf => Some(format!("-Wl,-soname,{recorded}")),
            Platform::MacOs => Some(format!("-Wl,-install_name,@rpath/{recorded}")),
            Platform::Windows => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_leads_to_the_library_in_the_end() {
        for platform in [Platform::Elf, Platform::MacOs, Platform::Windows] {
            let names = platform.names();
            for (link, _) in &names.links {
                let mut name = link;
                while let Some((_, target)) = names.links.iter().find(|(link, _)| link == name) {
                    name = target;
                }
                assert_eq!(*name, names.shared, "{platform:?}");
            }
        }
    }

    #[test]
    fn the_recorded_name_holds_the_major_version_alone() {
        assert_eq!(
            Platform::Elf.link_argument().unwrap(),
            "-Wl,-soname,libextism.so.1"
        );
        assert_eq!(
            Platform::MacOs.link_argument().unwrap(),
            "-Wl,-install_name,@rpath/libextism.1.dylib"
        );
        assert_eq!(Platform::Windows.link_argument(), None);
    }
}
