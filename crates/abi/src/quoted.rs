//! Texts of others as messages show them.
//!
//! Must not know: whose text it is. Keeps: what is shown is one line between quotes, in which every
//! character can be seen: one that has no shape, or turns the direction of others, is shown by its number.

use core::fmt::{self, Write};

/// A text between quotes.
///
/// ```
/// use extism_abi::Quoted;
///
/// assert_eq!(Quoted("\u{e9} \"\n\u{202e}").to_string(), r#""é \"\n\u{202e}""#);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '\'' => f.write_char(c)?,
                '\0' => f.write_str("\\0")?,
                '\0'..='\x7f' => c.escape_default().fmt(f)?,
                '\u{80}'..='\u{9f}'
                | '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{10ffff}' => c.escape_unicode().fmt(f)?,
                _ => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}
