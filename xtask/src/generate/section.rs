//! A generated part of a file that is otherwise written by hand: what stands between two marker lines.
//!
//! Must not know: what is generated. Invariant: nothing outside the markers changes, and a file without both
//! markers, once each, is not touched.

use super::Produced;

/// The two lines, which are comments of the language.
#[derive(Clone, Copy)]
pub(super) struct Markers {
    /// What begins a comment, with a blank.
    open: &'static str,
    /// What ends it, with a blank; empty where the line does.
    close: &'static str,
}

pub(super) const C: Markers = Markers {
    open: "/* ",
    close: " */",
};

pub(super) const RUST: Markers = Markers {
    open: "// ",
    close: "",
};

pub(super) const MARKDOWN: Markers = Markers {
    open: "<!-- ",
    close: " -->",
};

impl Markers {
    fn begin(self, name: &str) -> String {
        format!("{}BEGIN GENERATED: {name}{}", self.open, self.close)
    }

    fn end(self, name: &str) -> String {
        format!("{}END GENERATED: {name}{}", self.open, self.close)
    }

    /// The text with the lines between the markers of this name replaced by `section`.
    pub(super) fn spliced(self, text: &str, name: &str, section: &str) -> Produced {
        let (begin, end) = (self.begin(name), self.end(name));
        let once = |marker: &str| text.matches(&format!("{marker}\n")).count() == 1;
        let places = text.find(&begin).zip(text.find(&end));
        match places.filter(|(first, last)| first < last && once(&begin) && once(&end)) {
            Some((first, last)) => {
                // The end marker keeps its indentation.
                let line = text[..last].rfind('\n').map_or(0, |at| at + 1);
                let before = &text[..first + begin.len()];
                Produced::Text(format!("{before}\n{section}{}", &text[line..]))
            }
            None => Produced::NoPlace(format!(
                "the lines `{begin}` and `{end}` do not both stand there once"
            )),
        }
    }

    /// As [`spliced`](Markers::spliced), one section after the other.
    pub(super) fn spliced_all(self, text: &str, sections: &[(&str, String)]) -> Produced {
        let mut text = text.to_string();
        for (name, section) in sections {
            match self.spliced(&text, name, section) {
                Produced::Text(next) => text = next,
                other => return other,
            }
        }
        Produced::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_between_the_markers_change() {
        let text = "a\n<!-- BEGIN GENERATED: t -->\nold\n<!-- END GENERATED: t -->\nb\n";
        let expected = "a\n<!-- BEGIN GENERATED: t -->\nnew\n<!-- END GENERATED: t -->\nb\n";
        let produced = MARKDOWN.spliced(text, "t", "new\n");
        assert_eq!(produced, Produced::Text(expected.to_string()));
        let again = MARKDOWN.spliced(expected, "t", "new\n");
        assert_eq!(again, Produced::Text(expected.to_string()));
    }

    #[test]
    fn markers_that_are_missing_or_stand_twice_or_in_the_wrong_order_are_no_place() {
        let reason = "the lines `// BEGIN GENERATED: t` and `// END GENERATED: t` do not both stand there once";
        let (begin, end) = ("// BEGIN GENERATED: t\n", "// END GENERATED: t\n");
        for text in [
            String::new(),
            begin.to_string(),
            format!("{end}{begin}"),
            format!("{begin}{end}{begin}{end}"),
            format!("{begin}// END GENERATED: tt\n"),
        ] {
            let produced = RUST.spliced(&text, "t", "");
            assert_eq!(produced, Produced::NoPlace(reason.to_string()), "{text}");
        }
    }

    #[test]
    fn several_sections_are_all_replaced_or_none_is() {
        let text = "/* BEGIN GENERATED: a */\n/* END GENERATED: a */\n";
        let both = [("a", "1\n".to_string()), ("b", "2\n".to_string())];
        assert!(matches!(
            C.spliced_all(text, &both),
            Produced::NoPlace(reason) if reason.contains("BEGIN GENERATED: b")
        ));
        let text = format!("{text}/* BEGIN GENERATED: b */\n/* END GENERATED: b */\n");
        assert_eq!(
            C.spliced_all(&text, &both),
            Produced::Text(
                "/* BEGIN GENERATED: a */\n1\n/* END GENERATED: a */\n\
                 /* BEGIN GENERATED: b */\n2\n/* END GENERATED: b */\n"
                    .to_string()
            )
        );
    }
}
