//! What is printed reads back as the same manifest.

use std::collections::BTreeMap;

use extism_manifest::{HttpRequest, Manifest, MemoryOptions, ParseOptions, Wasm, WasmMetadata};

/// Numbers that look random and are the same on every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| make(self))
    }

    fn text(&mut self) -> String {
        const PIECES: [&str; 14] = [
            "", "a", "é", "\0", "\n", "\"", "\\", "'", "'''", "\u{7f}", "😀", "\u{feff}", "a.b",
            "$#[{=",
        ];
        (0..self.below(4))
            .map(|_| PIECES[self.below(PIECES.len() as u64) as usize])
            .collect()
    }

    fn texts(&mut self) -> BTreeMap<String, String> {
        (0..self.below(4))
            .map(|_| (self.text(), self.text()))
            .collect()
    }

    fn number(&mut self) -> u64 {
        [0, 1, 255, 1 << 32, i64::MAX as u64][self.below(5) as usize]
    }

    fn wasm(&mut self) -> Wasm {
        let mut wasm = match self.below(3) {
            0 => Wasm::file(self.text()),
            1 => Wasm::data(
                (0..self.below(9))
                    .map(|_| self.next() as u8)
                    .collect::<Vec<_>>(),
            ),
            _ => Wasm::http(HttpRequest {
                url: self.text(),
                headers: self.texts(),
                method: self.maybe(Numbers::text),
            }),
        };
        *wasm.meta_mut() = WasmMetadata {
            name: self.maybe(Numbers::text),
            hash: self.maybe(Numbers::text),
        };
        wasm
    }

    fn manifest(&mut self) -> Manifest {
        Manifest {
            wasm: (0..self.below(4)).map(|_| self.wasm()).collect(),
            memory: MemoryOptions {
                max_pages: self.maybe(|numbers| numbers.next() as u32),
                max_http_response_bytes: self.maybe(Numbers::number),
                max_var_bytes: self.maybe(Numbers::number),
            },
            config: self.texts(),
            allowed_hosts: self
                .maybe(|numbers| (0..numbers.below(4)).map(|_| numbers.text()).collect()),
            allowed_paths: self.maybe(|numbers| {
                numbers
                    .texts()
                    .into_iter()
                    .map(|(from, to)| (from, to.into()))
                    .collect()
            }),
            timeout_ms: self.maybe(Numbers::number),
        }
    }
}

#[test]
fn json() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..5_000 {
        let manifest = numbers.manifest();
        let printed = manifest.to_json();
        let options = ParseOptions::default();
        assert_eq!(Manifest::parse(&printed, &options).as_ref(), Ok(&manifest));
        let embedded =
            serde_json::from_slice::<Manifest>(&printed).expect("what serde prints, serde reads");
        assert_eq!(embedded, manifest);
    }
}

/// TOML has no null: an unset `max_var_bytes` reads back as its default, so the test always sets it.
#[test]
fn toml() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for _ in 0..5_000 {
        let mut manifest = numbers.manifest();
        manifest.memory.max_var_bytes = Some(numbers.number());
        let printed = ::toml::to_string(&manifest).expect("it can be printed");
        let read = Manifest::parse(printed.as_bytes(), &ParseOptions::default());
        assert_eq!(read.as_ref(), Ok(&manifest), "{printed}");
    }
}
