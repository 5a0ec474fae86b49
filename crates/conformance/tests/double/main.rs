//! A driver for the tests of the runner: it has no SDK behind it and answers as its name for a function says.
//!
//! Must not know: the runner. Invariant: it is a driver of protocol.md, but for what a function asks it to do
//! wrong: `hang`, `die`, `babble`, `leak`, `fail`, `cannot`; every other function gives its input back.

use std::io::{BufRead, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut leaked = 0;
    let stdin = std::io::stdin();
    for line in stdin.lock().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words[..] {
            ["HELLO", ..] => hello(),
            ["CALL", _, function, input, ..] => match text(function).as_str() {
                "hang" => {
                    std::thread::park();
                    String::new()
                }
                "die" => return ExitCode::from(3),
                "babble" => "Nothing that is a reply".to_owned(),
                "leak" => {
                    leaked += 1;
                    "OK -".to_owned()
                }
                "fail" => "ERR 402 7 6f7570732e".to_owned(),
                "cannot" => "CANNOT ever".to_owned(),
                _ => format!("OK {input}"),
            },
            ["STATS"] => format!("OK {leaked} 0 0 0"),
            _ => "OK".to_owned(),
        };
        println!("{answer}");
        if std::io::stdout().flush().is_err() || words == ["BYE"] {
            break;
        }
    }
    ExitCode::SUCCESS
}

/// What the first argument lists, or everything but `wasi`.
fn hello() -> String {
    let features = std::env::args().nth(1).unwrap_or_else(|| {
        "cancel,compiled,context,fs,fuel,headers,host_context,http,inspect,limits,logs,namespace,nested,pool,\
         precompile,reenter,renew,stats,threads,vars"
            .to_owned()
    });
    format!("OK sdk=double version=0 library=0 features={features}")
}

fn text(word: &str) -> String {
    let digits = word.as_bytes().chunks(2);
    let bytes = digits.filter_map(|pair| std::str::from_utf8(pair).ok());
    let bytes = bytes.filter_map(|pair| u8::from_str_radix(pair, 16).ok());
    String::from_utf8(bytes.collect()).unwrap_or_default()
}
