//! What the core tells a page: JSON, which pages read fastest.
//!
//! Must not know: what is told. Keeps: what is written is JSON if every list and object that is opened is
//! closed, and every key is followed by a value; commas are put where they belong.

/// A text of JSON that grows.
#[derive(Default)]
pub(crate) struct Json(String);

impl Json {
    /// Begins an object.
    pub(crate) fn object() -> Json {
        Json("{".to_owned())
    }

    /// Begins a list.
    pub(crate) fn list() -> Json {
        Json("[".to_owned())
    }

    /// Begins an object or a list inside of another.
    pub(crate) fn open(&mut self, bracket: char) -> &mut Json {
        self.separate();
        self.0.push(bracket);
        self
    }

    pub(crate) fn close(&mut self, bracket: char) -> &mut Json {
        self.0.push(bracket);
        self
    }

    /// The name of a field, whose value comes next.
    pub(crate) fn key(&mut self, name: &str) -> &mut Json {
        self.text(name);
        self.0.push(':');
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Json {
        self.separate();
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

    pub(crate) fn texts<'a>(&mut self, texts: impl IntoIterator<Item = &'a String>) -> &mut Json {
        self.open('[');
        for text in texts {
            self.text(text);
        }
        self.close(']')
    }

    /// A field for each text, by its name.
    pub(crate) fn fields<'a>(
        &mut self,
        fields: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> &mut Json {
        self.open('{');
        for (name, value) in fields {
            self.key(name).text(value);
        }
        self.close('}')
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Json {
        self.word(&number.to_string())
    }

    /// A number that may be negative.
    pub(crate) fn signed(&mut self, number: i64) -> &mut Json {
        self.word(&number.to_string())
    }

    pub(crate) fn numbers(&mut self, numbers: &[u64]) -> &mut Json {
        self.open('[');
        for number in numbers {
            self.number(*number);
        }
        self.close(']')
    }

    pub(crate) fn optional(&mut self, number: Option<u64>) -> &mut Json {
        match number {
            Some(number) => self.number(number),
            None => self.null(),
        }
    }

    pub(crate) fn boolean(&mut self, value: bool) -> &mut Json {
        self.word(if value { "true" } else { "false" })
    }

    pub(crate) fn null(&mut self) -> &mut Json {
        self.word("null")
    }

    /// All of it, with the last bracket.
    pub(crate) fn end(mut self, bracket: char) -> Vec<u8> {
        self.close(bracket);
        self.0.into_bytes()
    }

    fn word(&mut self, word: &str) -> &mut Json {
        self.separate();
        self.0.push_str(word);
        self
    }

    /// Between a value and the next.
    fn separate(&mut self) {
        if !self.0.ends_with(['{', '[', ':']) {
            self.0.push(',');
        }
    }
}
