//! docs/limits.md says what the limits are.

use std::fmt::Display;
use std::time::Duration;

use extism_runtime::Limits;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md");

/// The table of the document. Destructuring makes a limit that is not in it a compile error.
fn table() -> String {
    let rows = |limits: Limits| {
        let Limits {
            call_time_max,
            memory_bytes_max,
            kernel_bytes_max,
            blocks_max,
            table_elements_max,
            instances_max,
            memories_max,
            tables_max,
            stack_bytes_max,
            call_depth_max,
            output_bytes_max,
            error_bytes_max,
            log_line_bytes_max,
            log_call_bytes_max,
            log_call_lines_max,
            vars_bytes_max,
            vars_count_max,
            var_name_bytes_max,
            http_response_bytes_max,
            http_header_bytes_max,
            http_redirects_max,
            http_requests_max,
            manifest_bytes_max,
            modules_max,
            module_bytes_max,
            download_time_max,
        } = limits;
        [
            ("call_time_max", time(call_time_max), "TIMEOUT"),
            (
                "memory_bytes_max",
                memory_bytes_max.map_or_else(none, bytes),
                "MEMORY",
            ),
            ("kernel_bytes_max", bytes(kernel_bytes_max), "MEMORY"),
            ("blocks_max", count(blocks_max), "BLOCKS"),
            ("table_elements_max", count(table_elements_max), "TABLE"),
            ("instances_max", count(instances_max), "INSTANCES"),
            ("memories_max", count(memories_max), "INSTANCES"),
            ("tables_max", count(tables_max), "INSTANCES"),
            (
                "stack_bytes_max",
                bytes(stack_bytes_max as u64),
                "TRAP_STACK",
            ),
            ("call_depth_max", count(call_depth_max), "CALL_DEPTH"),
            ("output_bytes_max", bytes(output_bytes_max), "OUTPUT"),
            ("error_bytes_max", bytes(error_bytes_max), "cut"),
            ("log_line_bytes_max", bytes(log_line_bytes_max), "cut"),
            (
                "log_call_bytes_max",
                bytes(log_call_bytes_max),
                "dropped and counted",
            ),
            (
                "log_call_lines_max",
                count(log_call_lines_max),
                "dropped and counted",
            ),
            ("vars_bytes_max", bytes(vars_bytes_max), "VARS"),
            ("vars_count_max", count(vars_count_max), "VARS"),
            ("var_name_bytes_max", bytes(var_name_bytes_max), "VARS"),
            (
                "http_response_bytes_max",
                bytes(http_response_bytes_max),
                "HTTP_SIZE",
            ),
            (
                "http_header_bytes_max",
                bytes(http_header_bytes_max),
                "HTTP_SIZE",
            ),
            (
                "http_redirects_max",
                count(http_redirects_max),
                "REDIRECT_DENIED",
            ),
            (
                "http_requests_max",
                count(http_requests_max),
                "HTTP_REQUESTS",
            ),
            ("manifest_bytes_max", bytes(manifest_bytes_max), "TOO_LARGE"),
            ("modules_max", count(modules_max), "TOO_LARGE"),
            ("module_bytes_max", bytes(module_bytes_max), "TOO_LARGE"),
            (
                "download_time_max",
                time(Some(download_time_max)),
                "DOWNLOAD_FAILED",
            ),
        ]
    };
    let mut text =
        "| limit | default | untrusted | beyond it |\n| --- | --- | --- | --- |\n".to_owned();
    for (default, untrusted) in rows(Limits::default())
        .iter()
        .zip(rows(Limits::untrusted()))
    {
        let (name, value, beyond) = default;
        text += &format!("| `{name}` | {value} | {} | {beyond} |\n", untrusted.1);
    }
    text
}

fn none() -> String {
    "none".to_owned()
}

fn time(limit: Option<Duration>) -> String {
    limit.map_or_else(none, |limit| format!("{} s", limit.as_secs()))
}

fn count(limit: impl Display) -> String {
    match limit.to_string() {
        most if most == u32::MAX.to_string() => none(),
        count => count,
    }
}

fn bytes(limit: u64) -> String {
    match limit {
        u64::MAX => none(),
        _ if limit.is_multiple_of(1 << 30) => format!("{} GiB", limit >> 30),
        _ if limit.is_multiple_of(1 << 20) => format!("{} MiB", limit >> 20),
        _ => format!("{} KiB", limit >> 10),
    }
}

/// Set `UPDATE=1` to write the document's table anew.
#[test]
fn the_table_of_limits_is_what_the_code_says() {
    let text = std::fs::read_to_string(FILE).unwrap();
    let start = text.find("| limit |").unwrap();
    let end = start + text[start..].find("\n\n").unwrap() + 1;
    if std::env::var_os("UPDATE").is_some() {
        let updated = format!("{}{}{}", &text[..start], table(), &text[end..]);
        std::fs::write(FILE, updated).unwrap();
        return;
    }
    assert_eq!(&text[start..end], table(), "run this test with UPDATE=1");
}
