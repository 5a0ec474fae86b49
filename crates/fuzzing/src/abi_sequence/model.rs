//! What each call of a program has to answer, from docs/abi.md: blocks by the model of the kernel's own
//! tests, the bytes that are known, variables, and how a call ends.
//!
//! Must not know: the runtime. Invariant: what the documents leave open (where a block is, what is in a
//! new one) is taken from the report, and checked as far as it can be.

use std::collections::BTreeMap;

use extism_kernel::{FIRST_HANDLE, Limits, Range};
use extism_runtime::Status;

use super::program::Operation;
use crate::kernel_support::model::Model;
use crate::kernel_support::{PAGE, Pages};

/// What the plug-in says after each call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Report {
    pub(super) answer: u64,
    /// What `memory_bytes` answers.
    pub(super) room: u64,
    /// The length of the block the answer names.
    pub(super) length: u64,
}

/// Bytes of which some may be unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Value {
    pub(super) length: u64,
    pub(super) known: BTreeMap<u64, u8>,
}

impl Value {
    /// All of them, if they are known.
    fn bytes(&self) -> Option<Vec<u8>> {
        let whole = self.known.len() as u64 == self.length;
        whole.then(|| self.known.values().copied().collect())
    }
}

/// Bytes of variables that no program reaches without being near the limit.
const VARS_SURE: u64 = 900_000;
const NAME_SURE: u64 = 4_096;

/// How a call may end that was given a name nobody knows.
const UNKNOWN_NAME: [Status; 4] = [
    Status::InvalidUtf8,
    Status::Vars,
    Status::Blocks,
    Status::Memory,
];

/// A plug-in from one call to the next.
pub(super) struct Abi {
    kernel: Model,
    memory_max: u64,
    known: BTreeMap<u64, u8>,
    /// `None` once a name was set that is not known.
    vars: Option<BTreeMap<Vec<u8>, Value>>,
}

/// How a call ends: by itself, or by one of these.
type Ended<T> = Result<T, Vec<Status>>;

impl Abi {
    pub(super) fn new(limits: Limits) -> Abi {
        Abi {
            kernel: Model::new(limits),
            memory_max: limits.bytes_max,
            known: BTreeMap::new(),
            vars: Some(BTreeMap::new()),
        }
    }

    /// Plays a call; answers how it may end and what its output is, as far as it is known.
    #[track_caller]
    pub(super) fn call(
        &mut self,
        operations: &[Operation],
        input: &[u8],
        reports: &[Report],
    ) -> (Vec<Status>, Option<Value>) {
        self.kernel = self.kernel.cleared();
        self.known.clear();
        let mut reports = reports.iter();
        let first = reports.next().expect("the plug-in begins with a report");
        if !input.is_empty() {
            self.begin(input, first);
        }
        let mut room = first.room;
        let mut answers = [0; 3];
        for (at, operation) in operations.iter().enumerate() {
            let numbers: Vec<u64> = operation
                .numbers
                .iter()
                .map(|number| number.value(answers))
                .collect();
            let report = reports.next();
            let size = room + FIRST_HANDLE;
            match self.step(operation.import.name, &numbers, size, report) {
                Ok(expected) => {
                    let report = report.unwrap_or_else(|| panic!("it ends at {at}: {operation:?}"));
                    if let Some(expected) = expected {
                        assert_eq!(report.answer, expected, "{at}: {operation:?} {numbers:?}");
                    }
                    let length = self.kernel.length(report.answer);
                    assert_eq!(report.length, length, "{at}: {operation:?}");
                    assert!(report.room >= room, "memory does not shrink");
                    room = report.room;
                    if !operation.import.results.is_empty() {
                        answers[operation.kept as usize] = report.answer;
                    }
                }
                Err(statuses) => {
                    assert_eq!(
                        report, None,
                        "{at}: {operation:?} {numbers:?} must end the call"
                    );
                    return (self.told(statuses), None);
                }
            }
        }
        assert_eq!(reports.next(), None, "more than there was to report");
        let Range { offset, length } = self.kernel.output;
        let output = self.range(offset, length);
        (self.told(vec![Status::Ok]), Some(output))
    }

    /// What a plug-in has set as its error tells more than how its call ended, unless it was stopped.
    fn told(&self, mut statuses: Vec<Status>) -> Vec<Status> {
        if self.kernel.error != 0 {
            statuses.retain(|status| *status == Status::Memory);
            statuses.push(Status::GuestError);
        }
        statuses
    }

    /// The input is a block like any; where it is, the first answer of `input_offset` would say.
    fn begin(&mut self, input: &[u8], first: &Report) {
        let (offset, length) = (FIRST_HANDLE, input.len() as u64);
        self.place(length, offset, first.room);
        self.kernel.input = Range { offset, length };
        self.known.extend((offset..).zip(input.iter().copied()));
    }

    /// A block was made here, or refused (0).
    fn place(&mut self, bytes: u64, handle: u64, room: u64) {
        let refused = self.kernel.limit(bytes);
        let answer = match handle {
            0 if bytes > 0 => Err(refused.unwrap_or(extism_kernel::Refused::Memory)),
            handle => Ok(handle),
        };
        let mut memory = Pages::new(room + FIRST_HANDLE, self.memory_max);
        memory.bytes = memory.bytes.next_multiple_of(PAGE);
        self.kernel.allocated(bytes, answer, &memory);
        if handle != 0 {
            self.forget(handle, bytes);
        }
    }

    fn forget(&mut self, from: u64, bytes: u64) {
        let mut rest = self.known.split_off(&from);
        self.known.append(&mut rest.split_off(&(from + bytes)));
    }

    fn range(&self, from: u64, length: u64) -> Value {
        let inside = self.known.range(from..from.saturating_add(length));
        let known = inside.map(|(at, byte)| (at - from, *byte)).collect();
        Value { length, known }
    }

    /// The answer of a call, if it is known before; what it changes is changed.
    fn step(
        &mut self,
        name: &str,
        numbers: &[u64],
        size: u64,
        report: Option<&Report>,
    ) -> Ended<Option<u64>> {
        let first = numbers.first().copied().unwrap_or(0);
        let second = numbers.get(1).copied().unwrap_or(0);
        let slot = |offset, length| Model::slot(offset, length, size);
        match name {
            "alloc" => {
                if let Some(report) = report {
                    self.place(first, report.answer, report.room);
                }
                return Ok(None);
            }
            "free" => self.kernel.free(first),
            "length" | "length_unsafe" => return Ok(Some(self.kernel.length(first))),
            "load_u8" => return Ok(self.load(first, 1, size)),
            "load_u64" => return Ok(self.load(first, 8, size)),
            "store_u8" => self.store(first, &second.to_le_bytes()[..1], size),
            "store_u64" => self.store(first, &second.to_le_bytes(), size),
            "input_length" => return Ok(Some(self.kernel.input.length)),
            "input_offset" => return Ok(Some(self.kernel.input.offset)),
            "input_load_u8" => return Ok(self.load_input(first, 1, size)),
            "input_load_u64" => return Ok(self.load_input(first, 8, size)),
            "input_set" => self.kernel.input = slot(first, second).unwrap_or(self.kernel.input),
            "output_set" => self.kernel.output = slot(first, second).unwrap_or(self.kernel.output),
            "output_offset" => return Ok(Some(self.kernel.output.offset)),
            "output_length" => return Ok(Some(self.kernel.output.length)),
            "error_set" if first == 0 || slot(first, 0).is_some() => self.kernel.error = first,
            "error_set" => {}
            "error_get" => return Ok(Some(self.kernel.error)),
            "reset" => {
                self.kernel = self.kernel.cleared();
                self.known.clear();
            }
            "memory_bytes" => return Ok(Some(size - FIRST_HANDLE)),
            "config_get" => {
                // Nothing is configured.
                self.take_name(first, report)?;
                return Ok(Some(0));
            }
            "var_get" => return self.var_get(first, report),
            "var_set" => self.var_set(first, second, report)?,
            // The lowest level is listened to.
            "get_log_level" => return Ok(Some(0)),
            log if log.starts_with("log_") => {
                self.block(first)?;
                self.kernel.free(first);
            }
            other => panic!("{other} is not modelled"),
        }
        Ok(None)
    }

    /// 0 unless all of it is inside; `None` if it is not known.
    fn load(&self, address: u64, bytes: u64, size: u64) -> Option<u64> {
        let end = address.checked_add(bytes).filter(|end| *end <= size);
        if address < FIRST_HANDLE || end.is_none() {
            return Some(0);
        }
        let bytes = self.range(address, bytes).bytes()?;
        let number = |sum, byte: &u8| sum << 8 | u64::from(*byte);
        Some(bytes.iter().rev().fold(0, number))
    }

    fn load_input(&self, offset: u64, bytes: u64, size: u64) -> Option<u64> {
        let input = self.kernel.input;
        match offset.checked_add(bytes) {
            Some(end) if end <= input.length => self.load(input.offset + offset, bytes, size),
            _ => Some(0),
        }
    }

    fn store(&mut self, address: u64, bytes: &[u8], size: u64) {
        let end = address.checked_add(bytes.len() as u64);
        if address >= FIRST_HANDLE && end.is_some_and(|end| end <= size) {
            self.known.extend((address..).zip(bytes.iter().copied()));
        }
    }

    /// A handle that is given to a builtin must name a block, or be 0.
    fn block(&self, handle: u64) -> Ended<u64> {
        match self.kernel.length(handle) {
            0 if handle != 0 => Err(vec![Status::BadKernelHandle]),
            length => Ok(length),
        }
    }

    /// The text of a block, which is freed; `None` if it is not known.
    fn take_name(&mut self, handle: u64, report: Option<&Report>) -> Ended<Option<Vec<u8>>> {
        let length = self.block(handle)?;
        let name = self.range(handle, length).bytes();
        match &name {
            Some(name) if std::str::from_utf8(name).is_err() => {
                return Err(vec![Status::InvalidUtf8]);
            }
            // Bytes nobody knows may be text or not, and stand for any variable.
            None if report.is_none() => return Err(UNKNOWN_NAME.to_vec()),
            _ => {}
        }
        self.kernel.free(handle);
        Ok(name)
    }

    fn var_get(&mut self, name: u64, report: Option<&Report>) -> Ended<Option<u64>> {
        let name = self.take_name(name, report)?;
        let found = match (&self.vars, name) {
            (Some(vars), Some(name)) => vars.get(&name).cloned().unwrap_or_default(),
            _ => {
                // Any variable, or none.
                if let Some(report) = report {
                    self.place(report.length, report.answer, report.room);
                }
                return match report {
                    Some(_) => Ok(None),
                    None => Err(vec![Status::Blocks, Status::Memory]),
                };
            }
        };
        if found.length == 0 {
            return Ok(Some(0));
        }
        let Some(report) = report else {
            self.place(found.length, 0, 0);
            return Err(vec![Status::Blocks, Status::Memory]);
        };
        self.place(found.length, report.answer, report.room);
        let bytes = found.known.iter();
        self.known
            .extend(bytes.map(|(at, byte)| (report.answer + at, *byte)));
        Ok(None)
    }

    fn var_set(&mut self, name: u64, value: u64, report: Option<&Report>) -> Ended<()> {
        let (name_length, value_length) = (self.kernel.length(name), self.block(value)?);
        let stored = self.range(value, value_length);
        let name = self.take_name(name, report)?;
        let mut vars = match (self.vars.take(), name) {
            (Some(vars), Some(name)) => (vars, name),
            _ if report.is_none() => return Err(vec![Status::Vars]),
            _ => return self.let_go(value),
        };
        if value == 0 {
            vars.0.remove(&vars.1);
            self.vars = Some(vars.0);
            return Ok(());
        }
        let others: u64 = vars.0.values().map(|value| value.length + NAME_SURE).sum();
        let sure = others + value_length < VARS_SURE && name_length <= NAME_SURE;
        if report.is_none() && !sure {
            self.vars = Some(vars.0);
            return Err(vec![Status::Vars]);
        }
        vars.0.insert(vars.1, stored);
        self.vars = Some(vars.0);
        self.let_go(value)
    }

    /// What was given is freed.
    fn let_go(&mut self, handle: u64) -> Ended<()> {
        self.kernel.free(handle);
        Ok(())
    }
}
