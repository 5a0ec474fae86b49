//! What `sdk.toml` and `pdk.toml` say for documents: names, texts, what is missing.
//!
//! Must not know: how it is shown, or how a kit is tested. Invariant: whatever is asked for and is not there
//! is an error that names the file and the key.

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

use crate::project::Project;

/// An SDK, or a kit for plug-ins.
pub(super) struct Profile {
    /// Relative to the root: `sdk/python`.
    pub(super) folder: String,
    file: String,
    table: Table,
}

impl Profile {
    /// All below a parent folder, `sdk` or `pdk`, in the order of their names.
    pub(super) fn all(project: &Project, parent: &str) -> Result<Vec<Profile>> {
        let mut profiles = Vec::new();
        for folder in project.folders(parent)? {
            let file = format!("{folder}/{parent}.toml");
            if project.exists(&file) {
                profiles.push(Profile::read(&project.read(&file)?, folder, file)?);
            }
        }
        Ok(profiles)
    }

    fn read(text: &str, folder: String, file: String) -> Result<Profile> {
        let table = toml::from_str(text).with_context(|| format!("{file} cannot be read"))?;
        Ok(Profile {
            folder,
            file,
            table,
        })
    }

    /// `python`.
    pub(super) fn name(&self) -> &str {
        self.folder.rsplit('/').next().unwrap_or(&self.folder)
    }

    /// The parent folder: `sdk`.
    pub(super) fn parent(&self) -> &str {
        self.folder.split('/').next().unwrap_or(&self.folder)
    }

    /// A text that has to be there.
    pub(super) fn text(&self, key: &str) -> Result<&str> {
        match self.table.get(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.trim()),
            Some(_) => bail!("{}: the key `{key}` is no text", self.file),
            None => bail!("{} has no key `{key}`", self.file),
        }
    }

    /// A text that may be left out.
    pub(super) fn text_or<'a>(&'a self, key: &str, otherwise: &'a str) -> Result<&'a str> {
        if self.table.contains_key(key) {
            self.text(key)
        } else {
            Ok(otherwise)
        }
    }

    /// 1, 2 or 3.
    pub(super) fn tier(&self) -> Result<i64> {
        match self.table.get("tier") {
            Some(Value::Integer(tier @ 1..=3)) => Ok(*tier),
            Some(_) => bail!("{}: the key `tier` is not 1, 2 or 3", self.file),
            None => bail!("{} has no key `tier`", self.file),
        }
    }

    /// Features the SDK does not have, each with the reason.
    pub(super) fn missing(&self) -> Result<Vec<(&str, &str)>> {
        let features = match self.table.get("features") {
            Some(Value::Table(features)) => features,
            Some(_) => bail!("{}: `[features]` is no table", self.file),
            None => bail!("{} has no key `features.declared`", self.file),
        };
        let Some(missing) = features.get("missing") else {
            return Ok(Vec::new());
        };
        let missing = missing.as_table();
        let missing =
            missing.with_context(|| format!("{}: `[features.missing]` is no table", self.file))?;
        missing
            .iter()
            .map(|(name, reason)| match reason.as_str() {
                Some(reason) => Ok((name.as_str(), reason)),
                None => bail!("{}: `features.missing.{name}` is no text", self.file),
            })
            .collect()
    }
}

#[cfg(test)]
pub(super) fn profile(folder: &str, text: &str) -> Profile {
    Profile::read(text, folder.to_string(), format!("{folder}/sdk.toml")).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_answered() {
        let text = "title = \" A \"\ntier = 2\n[features]\ndeclared = []\n[features.missing]\nfs = \"None.\"\n";
        let own = profile("sdk/a", text);
        assert_eq!((own.name(), own.parent()), ("a", "sdk"));
        assert_eq!(own.text("title").unwrap(), "A");
        assert_eq!(own.text_or("notes", "-").unwrap(), "-");
        assert_eq!(own.tier().unwrap(), 2);
        assert_eq!(own.missing().unwrap(), [("fs", "None.")]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let own = profile("sdk/a", "title = 1\ntier = 4\n");
        let complaint = |result: Result<&str>| result.unwrap_err().to_string();
        assert_eq!(
            complaint(own.text("install")),
            "sdk/a/sdk.toml has no key `install`"
        );
        assert_eq!(
            complaint(own.text("title")),
            "sdk/a/sdk.toml: the key `title` is no text"
        );
        assert_eq!(
            own.tier().unwrap_err().to_string(),
            "sdk/a/sdk.toml: the key `tier` is not 1, 2 or 3"
        );
        assert_eq!(
            own.missing().unwrap_err().to_string(),
            "sdk/a/sdk.toml has no key `features.declared`"
        );
    }
}
