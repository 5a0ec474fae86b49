//! What a page hands over in one piece: texts and numbers, one after the other.
//!
//! Must not know: what they mean. Keeps: reading never fails; what is missing is empty, and what is no number
//! is 0, so that a page that says too little gets defaults and no more.

/// Fields, read from front to back. Each is four bytes of length and so many bytes.
pub(crate) struct Fields {
    bytes: Vec<u8>,
    at: usize,
}

impl Fields {
    pub(crate) fn new(bytes: Vec<u8>) -> Fields {
        Fields { bytes, at: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(crate) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.raw()).into_owned()
    }

    /// A text that is missing where it is empty.
    pub(crate) fn optional(&mut self) -> Option<String> {
        Some(self.text()).filter(|text| !text.is_empty())
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.optional_number().unwrap_or(0)
    }

    /// A number that is missing where it is empty.
    pub(crate) fn optional_number(&mut self) -> Option<u64> {
        let text = std::str::from_utf8(self.raw()).unwrap_or_default();
        text.parse().ok()
    }

    /// A number that may be negative, of 32 bits.
    pub(crate) fn signed(&mut self) -> i32 {
        let text = std::str::from_utf8(self.raw()).unwrap_or_default();
        let digits = text.strip_prefix('-');
        let number: u64 = digits.unwrap_or(text).parse().unwrap_or_default();
        match digits {
            Some(_) => number.wrapping_neg() as i32,
            None => number as i32,
        }
    }

    /// A number, and as many of what comes then.
    pub(crate) fn list<T>(&mut self, mut read: impl FnMut(&mut Fields) -> T) -> Vec<T> {
        let count = self.number();
        let mut items = Vec::new();
        for _ in 0..count {
            if self.is_empty() {
                break;
            }
            items.push(read(self));
        }
        items
    }

    fn raw(&mut self) -> &[u8] {
        let start = self.at.saturating_add(4);
        let length = self.bytes.get(self.at..start);
        let length = length
            .and_then(|four| four.try_into().ok())
            .map(u32::from_le_bytes);
        let end = start.saturating_add(length.unwrap_or(0) as usize);
        self.at = end;
        self.bytes.get(start..end).unwrap_or_default()
    }
}
