//! The texts by which pkg-config and CMake find the library.
//!
//! Must not know: where anything is on disk. Invariant: every path is relative to the file it stands in.

use std::path::{Component, Path};

use super::platform::Platform;
use crate::project::VERSION;

/// What the texts are made from. The paths lead from the folder of the text.
pub(super) struct Package<'a> {
    pub(super) platform: Platform,
    pub(super) prefix: String,
    pub(super) libraries: String,
    pub(super) headers: String,
    /// What a program that links the archive has to link as well.
    pub(super) native_libraries: &'a [String],
}

const SUMMARY: &str = "Run plug-ins, compiled to WebAssembly from any language, inside a program";

impl Package<'_> {
    pub(super) fn pkg_config_shared(&self) -> String {
        self.pkg_config("extism", "-L${libdir} -lextism")
    }

    pub(super) fn pkg_config_static(&self) -> String {
        let archive = self.platform.names().archive;
        let libraries = format!("${{libdir}}/{archive} {}", self.native_libraries.join(" "));
        self.pkg_config("extism-static", libraries.trim_end())
    }

    fn pkg_config(&self, name: &str, libraries: &str) -> String {
        let Package {
            prefix,
            libraries: libdir,
            headers,
            ..
        } = self;
        format!(
            "prefix=${{pcfiledir}}/{prefix}\nlibdir=${{pcfiledir}}/{libdir}\n\
             includedir=${{pcfiledir}}/{headers}\n\nName: {name}\nDescription: {SUMMARY}\n\
             Version: {VERSION}\nLibs: {libraries}\nCflags: -I${{includedir}}\n"
        )
    }

    pub(super) fn cmake_config(&self) -> String {
        let names = self.platform.names();
        let Package {
            prefix,
            libraries,
            headers,
            ..
        } = self;
        let native = self.native_libraries.join(";");
        let (shared, archive) = (&names.shared, names.archive);
        let location = match names.import {
            Some(import) => format!(
                "IMPORTED_LOCATION \"${{_extism_prefix}}/bin/{shared}\"\n    \
                 IMPORTED_IMPLIB \"${{_extism_libraries}}/{import}\""
            ),
            None => format!(
                "IMPORTED_LOCATION \"${{_extism_libraries}}/{shared}\"\n    IMPORTED_SONAME \"{}\"",
                self.imported_soname()
            ),
        };
        format!(
            r#"# Defines extism::extism, the shared library, and extism::static.
get_filename_component(_extism_prefix "${{CMAKE_CURRENT_LIST_DIR}}/{prefix}" ABSOLUTE)
get_filename_component(_extism_libraries "${{CMAKE_CURRENT_LIST_DIR}}/{libraries}" ABSOLUTE)
get_filename_component(_extism_headers "${{CMAKE_CURRENT_LIST_DIR}}/{headers}" ABSOLUTE)

if(NOT TARGET extism::extism)
  add_library(extism::extism SHARED IMPORTED)
  set_target_properties(extism::extism PROPERTIES
    {location}
    INTERFACE_INCLUDE_DIRECTORIES "${{_extism_headers}}")
endif()

if(NOT TARGET extism::static)
  add_library(extism::static STATIC IMPORTED)
  set_target_properties(extism::static PROPERTIES
    IMPORTED_LOCATION "${{_extism_libraries}}/{archive}"
    INTERFACE_INCLUDE_DIRECTORIES "${{_extism_headers}}"
    INTERFACE_LINK_LIBRARIES "{native}")
endif()

unset(_extism_prefix)
unset(_extism_libraries)
unset(_extism_headers)
"#
        )
    }

    fn imported_soname(&self) -> String {
        let recorded = self.platform.names().recorded;
        if self.platform == Platform::MacOs {
            format!("@rpath/{recorded}")
        } else {
            recorded
        }
    }
}

/// Any version of the same major number that is not newer will do, on a system of the same pointer size.
pub(super) fn cmake_version() -> String {
    let major = VERSION.split('.').next().unwrap_or(VERSION);
    let pointer_bytes = size_of::<usize>();
    format!(
        r#"set(PACKAGE_VERSION "{VERSION}")
if(PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION OR NOT PACKAGE_FIND_VERSION_MAJOR STREQUAL "{major}")
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION STREQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
if(CMAKE_SIZEOF_VOID_P AND NOT CMAKE_SIZEOF_VOID_P EQUAL {pointer_bytes})
  set(PACKAGE_VERSION_UNSUITABLE TRUE)
endif()
"#
    )
}

/// The way from one absolute folder to another, with `/` on every system.
pub(super) fn relative(from: &Path, to: &Path) -> String {
    let parts = |path: &Path| -> Vec<String> {
        let named = path
            .components()
            .filter(|part| !matches!(part, Component::CurDir));
        named
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect()
    };
    let (from, to) = (parts(from), parts(to));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut way = vec![".."; from.len() - shared];
    way.extend(to[shared..].iter().map(String::as_str));
    if way.is_empty() {
        ".".to_string()
    } else {
        way.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(native_libraries: &[String]) -> Package<'_> {
        let way = |way: &str| way.to_string();
        Package {
            platform: Platform::Elf,
            prefix: way("../.."),
            libraries: way(".."),
            headers: way("../../include"),
            native_libraries,
        }
    }

    #[test]
    fn pkg_config_links_by_name_or_by_archive() {
        let native = ["-lgcc_s".to_string(), "-lm".to_string()];
        let package = package(&native);
        assert_eq!(
            package.pkg_config_shared(),
            format!(
                "prefix=${{pcfiledir}}/../..\nlibdir=${{pcfiledir}}/..\nincludedir=${{pcfiledir}}/../../include\n\n\
                 Name: extism\nDescription: {SUMMARY}\nVersion: {VERSION}\nLibs: -L${{libdir}} -lextism\n\
                 Cflags: -I${{includedir}}\n"
            )
        );
        let line = "\nLibs: ${libdir}/libextism.a -lgcc_s -lm\n";
        assert!(package.pkg_config_static().contains(line));
    }

    #[test]
    fn cmake_names_the_library_of_each_platform() {
        let native = ["-lm".to_string(), "-ldl".to_string()];
        let text = package(&native).cmake_config();
        let location =
            format!("IMPORTED_LOCATION \"${{_extism_libraries}}/libextism.so.{VERSION}\"\n");
        assert!(text.contains(&location), "{text}");
        assert!(
            text.contains("IMPORTED_SONAME \"libextism.so.1\"\n"),
            "{text}"
        );
        assert!(
            text.contains("INTERFACE_LINK_LIBRARIES \"-lm;-ldl\")"),
            "{text}"
        );
        let text = Package {
            platform: Platform::Windows,
            ..package(&native)
        }
        .cmake_config();
        assert!(
            text.contains("IMPORTED_IMPLIB \"${_extism_libraries}/extism.dll.lib\"\n"),
            "{text}"
        );
    }

    #[test]
    fn the_way_between_two_folders_is_relative() {
        let check = |from: &str, to: &str, way: &str| {
            assert_eq!(relative(Path::new(from), Path::new(to)), way)
        };
        check("/p/lib/pkgconfig", "/p", "../..");
        check("/p/lib/pkgconfig", "/p/include", "../../include");
        check(
            "/p/lib/x86/pkgconfig",
            "/q/include",
            "../../../../q/include",
        );
        check("/p", "/p", ".");
    }
}
