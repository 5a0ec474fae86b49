//! What the core tells a page: JSON, which pages read fastest.
//!
//! Must not know: what is told. Keeps: what is written is JSON if every list and object that is begun is
//! ended.

/// A text of JSON that grows.
#[derive(Default)]
pub(crate) struct Json(String);

impl Json {
    pub(crate) fn object(mut self, write: impl FnOnce(Json) -> Json) -> Json {
        self.0.push('{');
        let mut json = write(self);
        json.close('}');
        json
    }

    pub(crate) fn list<T>(
        mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(Json, T) -> Json,
    ) -> Json {
        self.0.push('[');
        let mut json = self;
        for item in items {
            json = write(json, item);
            json.0.push(',');
        }
        json.close(']');
        json
    }

    /// A field of an object; its value comes from `write`.
    pub(crate) fn field(self, name: &str, write: impl FnOnce(Json) -> Json) -> Json {
        let mut json = self.text(name);
        json.0.push(':');
        let mut json = write(json);
        json.0.push(',');
        json
    }

    pub(crate) fn text(mut self, text: &str) -> Json {
        self.0.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => {
                    self.0.push('\\');
                    self.0.push(c);
                }
                '\0'..='\x1f' => {
                    let digit =
                        |digit: u8| char::from(b"0123456789abcdef"[usize::from(digit & 15)]);
                    self.0.push_str("\\u00");
                    self.0.push(digit(c as u8 >> 4));
                    self.0.push(digit(c as u8));
                }
                _ => self.0.push(c),
            }
        }
        self.0.push('"');
        self
    }

    pub(crate) fn number(mut self, number: u64) -> Json {
        self.0.push_str(&number.to_string());
        self
    }

    /// A number that may be negative.
    pub(crate) fn signed(mut self, number: i64) -> Json {
        self.0.push_str(&number.to_string());
        self
    }

    pub(crate) fn boolean(mut self, value: bool) -> Json {
        self.0.push_str(if value { "true" } else { "false" });
        self
    }

    pub(crate) fn optional<T>(
        mut self,
        value: Option<T>,
        write: impl FnOnce(Json, T) -> Json,
    ) -> Json {
        match value {
            Some(value) => write(self, value),
            None => {
                self.0.push_str("null");
                self
            }
        }
    }

    /// All of it.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }

    /// Ends a list or an object, in place of the comma after its last item.
    fn close(&mut self, end: char) {
        if self.0.ends_with(',') {
            self.0.pop();
        }
        self.0.push(end);
    }
}
