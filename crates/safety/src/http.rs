//! Runs a row of the HTTP suite that needs the system's own resolver: a name service on the loopback, which
//! this process alone asks.
//!
//! Must not know: policies. Invariant: no other process of the machine notices, and nothing outside is asked.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use extism_manifest::{Manifest, Wasm};
use extism_runtime::{Options, Outcome, Plugin, Status};

use crate::exhaustion::{rewriting, slack};
use crate::runner::{Rewrite, Run, SKIPPED};
use crate::server;
use crate::suite::Scenario;
use crate::witness::{DESCRIPTORS_OF_WORKERS, State, Witness};

pub(crate) fn run(table: toml::Table, run: Run) -> Result<()> {
    let row: Scenario = table.try_into()?;
    let scenario = SCENARIOS.iter().position(|name| *name == row.scenario);
    let scenario = scenario.with_context(|| format!("{} is no scenario", row.scenario))?;
    // Cases run side by side.
    let way = u8::from(run.rewrite == Rewrite::Off);
    let address = Ipv4Addr::new(127, 77, u8::try_from(scenario)?, 1 + way);
    let Some(names) = own_name_service(address)? else {
        return Ok(());
    };
    let witness = Witness::new(&Options {
        rewrite: rewriting(run),
        ..Options::default()
    })?;
    match row.scenario.as_str() {
        "another_name" => another_name(run)?,
        "search_domain" => search_domain(run, &names)?,
        "no_answer" => no_answer(run)?,
        "left_behind" => left_behind(run)?,
        scenario => bail!("{scenario} is not run"),
    }
    witness.testify(96 << 20)
}

const SCENARIOS: &[&str] = &["another_name", "search_domain", "no_answer", "left_behind"];

/// Every name that was asked for.
type Asked = Arc<Mutex<Vec<String>>>;

const FILE: &str = "/etc/resolv.conf";

/// Starts the name service and has this process ask it. Only who may do anything can do that, in a view of
/// the file system of its own: there, the process starts itself again. `None` when that has run, or is not to
/// be had.
fn own_name_service(address: Ipv4Addr) -> Result<Option<Asked>> {
    let configuration =
        format!("nameserver {address}\nsearch inner.test\noptions timeout:1 attempts:1\n");
    let is_ours = std::fs::read_to_string(FILE).is_ok_and(|text| text == configuration);
    if is_ours {
        let asked = Asked::default();
        let socket = UdpSocket::bind((address, 53)).context("the port of name services")?;
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || serve(&socket, &seen));
        return Ok(Some(asked));
    }
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), configuration)?;
    let shell = format!("mount --bind \"$0\" {FILE} 2>/dev/null || exit 77; exec \"$@\"");
    let again = Command::new("unshare")
        .args(["--mount", "sh", "-c", &shell])
        .arg(file.path())
        .args(std::env::args_os())
        .output();
    let Some(again) = again.ok().filter(|again| again.status.code() != Some(77)) else {
        println!("{SKIPPED}this user cannot have a name service of its own");
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&again.stderr);
    let unprivileged = text.contains("unshare failed") || text.contains("Permission denied");
    if unprivileged {
        println!("{SKIPPED}this user cannot have a name service of its own");
        return Ok(None);
    }
    ensure!(again.status.success(), "{text}");
    Ok(None)
}

/// What a name stands for.
enum Answer {
    Address(Ipv4Addr),
    /// Another name, and the address of that.
    Alias(&'static str, Ipv4Addr),
    Unknown,
    Silence,
}

fn answer(name: &str) -> Answer {
    match name {
        "alias.public.test" => Answer::Alias("inner.test", Ipv4Addr::LOCALHOST),
        "short.inner.test" => Answer::Address(Ipv4Addr::LOCALHOST),
        name if name.starts_with("silent.") => Answer::Silence,
        _ => Answer::Unknown,
    }
}

fn serve(socket: &UdpSocket, asked: &Asked) {
    let mut packet = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        let Some(reply) = packet.get(..length).and_then(|query| reply(query, asked)) else {
            continue;
        };
        let _ = socket.send_to(&reply, from);
    }
}

/// The answer to a query of one question, in the form of RFC 1035.
fn reply(query: &[u8], asked: &Asked) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    const A: [u8; 2] = [0, 1];
    let end = query.get(HEADER..)?.iter().position(|byte| *byte == 0)? + HEADER + 1;
    let question = query.get(HEADER..end + 4)?;
    let name = text_of(query.get(HEADER..end)?)?;
    asked.lock().ok()?.push(name.clone());
    let record = |name: &[u8], kind: [u8; 2], data: &[u8]| {
        let length = u16::try_from(data.len()).unwrap_or(0).to_be_bytes();
        [name, &kind, &[0, 1, 0, 0, 0, 0], &length, data].concat()
    };
    // Names in answers point at the question.
    let asked_name = [0xc0, 12];
    let is_a = question.get(question.len() - 4..question.len() - 2)? == A;
    let (code, records) = match answer(&name) {
        Answer::Silence => return None,
        Answer::Unknown => (3, Vec::new()),
        Answer::Address(address) if is_a => (0, vec![record(&asked_name, A, &address.octets())]),
        Answer::Alias(other, address) if is_a => {
            let other = bytes_of(other);
            let alias = record(&asked_name, [0, 5], &other);
            (0, vec![alias, record(&other, A, &address.octets())])
        }
        Answer::Address(_) | Answer::Alias(..) => (0, Vec::new()),
    };
    let count = u8::try_from(records.len()).ok()?;
    let id = query.get(..2)?;
    let header = [0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
    Some([id, &header, question, &records.concat()].concat())
}

fn text_of(mut labels: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    while let Some((length, rest)) = labels.split_first().filter(|(length, _)| **length > 0) {
        let (label, rest) = rest.split_at_checked(usize::from(*length))?;
        text.push(String::from_utf8_lossy(label).into_owned());
        labels = rest;
    }
    Some(text.join("."))
}

fn bytes_of(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| {
        let length = u8::try_from(label.len()).unwrap_or(0);
        std::iter::once(length).chain(label.bytes())
    });
    labels.chain([0]).collect()
}

/// A plug-in that may reach these hosts asks for a URL.
fn get(run: Run, allowed: &[&str], url: &str) -> Result<Status> {
    Ok(ask(&mut load(run, allowed, TIME_MAX)?, url).status())
}

fn ask(plugin: &mut Plugin, url: &str) -> Outcome {
    plugin.call("get", format!(r#"{{"url": "{url}"}}"#).as_bytes())
}

fn load(run: Run, allowed: &[&str], time_max: Duration) -> Result<Plugin> {
    let source = r#"(module
        (import "extism:host/env" "input_offset" (func $offset (result i64)))
        (import "extism:host/env" "http_request" (func $http (param i64 i64) (result i64)))
        (func (export "get") (drop (call $http (call $offset) (i64.const 0)))))"#;
    let hosts = allowed.iter().map(|host| (*host).to_owned());
    let manifest = Manifest::new([Wasm::data(source)])
        .with_allowed_hosts(hosts)
        .with_timeout(time_max);
    let options = Options {
        rewrite: rewriting(run),
        ..Options::default()
    };
    Ok(Plugin::load(manifest, options)?)
}

const TIME_MAX: Duration = Duration::from_secs(10);

/// A name that is allowed is another name for a private host.
fn another_name(run: Run) -> Result<()> {
    let port = server::body(1)?.port();
    let url = format!("http://alias.public.test:{port}/");
    let found = get(run, &["*.public.test"], &url)?;
    ensure!(
        found == Status::AddressDenied,
        "under a wildcard: {found:?}"
    );
    let found = get(run, &["alias.public.test"], &url)?;
    ensure!(found == Status::Ok, "written out: {found:?}");
    Ok(())
}

/// The machine would complete a short name by a domain of its own.
fn search_domain(run: Run, asked: &Asked) -> Result<()> {
    let port = server::body(1)?.port();
    let url = format!("http://short:{port}/");
    let found = get(run, &["*"], &url)?;
    ensure!(found == Status::HttpFailed, "under a wildcard: {found:?}");
    let names = asked
        .lock()
        .ok()
        .context("the name service panicked")?
        .clone();
    ensure!(
        names.iter().all(|name| name == "short"),
        "asked for {names:?}"
    );
    ensure!(!names.is_empty(), "nobody was asked");
    let found = get(run, &["short"], &url)?;
    ensure!(found == Status::Ok, "written out: {found:?}");
    Ok(())
}

/// Names that do not exist, and a name service that says nothing.
fn no_answer(run: Run) -> Result<()> {
    let found = get(run, &["*"], "http://none.public.test/")?;
    ensure!(
        found == Status::HttpFailed,
        "a name that does not exist: {found:?}"
    );
    let begun = Instant::now();
    let found = get(run, &["*"], "http://silent.public.test/")?;
    let told = [Status::HttpFailed, Status::Timeout].contains(&found);
    ensure!(told, "no answer: {found:?}");
    ensure!(
        begun.elapsed() < TIME_MAX + slack(run.scale),
        "it took {:?}",
        begun.elapsed()
    );
    Ok(())
}

/// A plug-in gives up look-ups that nobody answers, again and again. Soon it may not begin more; others may.
fn left_behind(run: Run) -> Result<()> {
    let before = State::now();
    let (silent, port) = ("http://silent.public.test/", server::body(1)?.port());
    let mut plugin = load(run, &["*"], Duration::from_millis(20))?;
    let begun = Instant::now();
    let mut goes_on_until = |wanted: Status| loop {
        let found = ask(&mut plugin, silent).status();
        if found == wanted {
            return Ok(());
        }
        let told = [Status::HttpFailed, Status::Timeout].contains(&found);
        ensure!(told && begun.elapsed() < 2 * TIME_MAX, "{found:?}");
    };
    goes_on_until(Status::Timeout)?;
    goes_on_until(Status::HttpFailed)?;
    let url = format!("http://short.inner.test:{port}/");
    let found = get(run, &["short.inner.test"], &url)?;
    ensure!(found == Status::Ok, "another plug-in: {found:?}");
    goes_on_until(Status::Timeout)?;
    // They end by themselves, and what they have open is closed.
    while let (Some(before), Some(now)) = (&before, State::now())
        && now.descriptors > before.descriptors + DESCRIPTORS_OF_WORKERS
    {
        ensure!(begun.elapsed() < 3 * TIME_MAX, "look-ups do not end");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
