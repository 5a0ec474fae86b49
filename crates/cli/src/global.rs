//! The options that every command has: how much is said, and in which colours.
//!
//! Must not know: any command. Invariant: nothing but errors is said when quiet was asked for.

use clap::{Args, ValueEnum};

use crate::log;

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Global {
    /// Say what is being done; twice or three times for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Whether messages are in colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Global {
    /// Puts the options into force for the process.
    pub(crate) fn apply(&self) {
        match self.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        log::install(self.verbose);
    }
}
