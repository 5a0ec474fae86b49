//! Functions of the host, given as C function pointers, that plug-ins may import.
//!
//! Invariants: a function object can be handed over once; its user data is released once, when the
//! last of the object and the plug-ins made with it is gone. A list that is refused leaves every
//! function where it was.

use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::{Mutex, MutexGuard, PoisonError};

use extism_runtime::{
    CurrentPlugin, Error, HostFunction, SLOTS_MAX, Slot, Slots, Status, ValueType,
};

use crate::current::{self, ExtismCurrentPlugin};
use crate::ffi::{self, Kind, Object};
use crate::userdata::{Release, UserData};

/// A function that has not been handed over yet, or the shell that is left of it.
pub type ExtismFunction = Object<Shell>;

/// Empty once the function was handed over.
pub struct Shell(Mutex<Option<HostFunction>>);

impl Kind for Shell {
    const TAG: u64 = u64::from_be_bytes(*b"ext-func");
}

impl Shell {
    fn lock(&self) -> MutexGuard<'_, Option<HostFunction>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value type by its number in C: any number may come in.
type ExtismValType = u32;

/// A value of one of four types.
#[repr(C)]
#[derive(Clone, Copy)]
union ExtismValUnion {
    i32: i32,
    i64: i64,
    f32: f32,
    f64: f64,
}

/// An argument or a result.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ExtismVal {
    t: ExtismValType,
    v: ExtismValUnion,
}

/// A host function as C writes it.
pub type ExtismFunctionType = extern "C" fn(
    plugin: *mut ExtismCurrentPlugin,
    inputs: *const ExtismVal,
    n_inputs: u64,
    outputs: *mut ExtismVal,
    n_outputs: u64,
    data: *mut c_void,
);

/// How many values are passed without an allocation.
const VALUES_INLINE: usize = 16;

/// How many functions one plug-in may be given.
const FUNCTIONS_MAX: u64 = 100_000;

fn value_type(number: ExtismValType) -> Option<ValueType> {
    match number {
        0 => Some(ValueType::I32),
        1 => Some(ValueType::I64),
        2 => Some(ValueType::F32),
        3 => Some(ValueType::F64),
        // Vectors and references do not travel between plug-in and host.
        _ => None,
    }
}

const fn number(ty: ValueType) -> ExtismValType {
    match ty {
        ValueType::I32 => 0,
        ValueType::I64 => 1,
        ValueType::F32 => 2,
        ValueType::F64 => 3,
    }
}

/// How far from the lowest bits of the union a value's bits begin: on machines that put the highest
/// byte first, the short types begin in the upper half. Elsewhere this is no code at all.
#[inline]
const fn shift(ty: ValueType) -> u32 {
    let is_short = matches!(ty, ValueType::I32 | ValueType::F32);
    if cfg!(target_endian = "big") && is_short {
        32
    } else {
        0
    }
}

/// All 64 bits get a value, whatever the type: the slot's, which every NaN survives.
#[inline]
fn to_c(slot: Slot, ty: ValueType) -> ExtismVal {
    let i64 = (slot << shift(ty)) as i64;
    ExtismVal {
        t: number(ty),
        v: ExtismValUnion { i64 },
    }
}

/// What lies beside a short value is cut off by the runtime, as the meaning of a slot.
#[inline]
fn from_c(value: &ExtismVal, ty: ValueType) -> Slot {
    // SAFETY: all 64 bits were initialised by `to_c`, and every bit pattern is an integer.
    let bits = unsafe { value.v.i64 } as u64;
    bits >> shift(ty)
}

/// What a host function is made of, beside its types.
struct Callback {
    func: ExtismFunctionType,
    user_data: UserData,
}

impl Callback {
    /// The function plug-ins import. How many values it has is known to the compiler for the usual
    /// ones: they are most of what there is to do in a call.
    fn into_function(
        self,
        name: &str,
        params: Vec<ValueType>,
        results: Vec<ValueType>,
    ) -> HostFunction {
        match (&params[..], &results[..]) {
            (&[], &[]) => self.few(name, [], []),
            (&[], &[r]) => self.few(name, [], [r]),
            (&[a], &[]) => self.few(name, [a], []),
            (&[a], &[r]) => self.few(name, [a], [r]),
            (&[a, b], &[]) => self.few(name, [a, b], []),
            (&[a, b], &[r]) => self.few(name, [a, b], [r]),
            (&[a, b, c], &[]) => self.few(name, [a, b, c], []),
            (&[a, b, c], &[r]) => self.few(name, [a, b, c], [r]),
            _ => self.many(name, params, results),
        }
    }

    /// With exactly `P` parameters and `R` results.
    fn few<const P: usize, const R: usize>(
        self,
        name: &str,
        params: [ValueType; P],
        results: [ValueType; R],
    ) -> HostFunction {
        HostFunction::unguarded(name, params, results, move |plugin, slots| {
            let mut inputs = [const { MaybeUninit::uninit() }; P];
            let mut outputs = [const { MaybeUninit::uninit() }; R];
            let values = (&mut inputs[..], &mut outputs[..]);
            self.run(plugin, slots, (&params, &results), values)
        })
    }

    fn many(self, name: &str, params: Vec<ValueType>, results: Vec<ValueType>) -> HostFunction {
        let types = (params.clone(), results.clone());
        HostFunction::unguarded(name, params, results, move |plugin, slots| {
            let (params, results) = (&types.0[..], &types.1[..]);
            let count = params.len().saturating_add(results.len());
            let mut inline = [const { MaybeUninit::uninit() }; VALUES_INLINE];
            let mut heap = Vec::new();
            let values = match inline.get_mut(..count) {
                Some(values) => values,
                None => {
                    heap.resize_with(count, MaybeUninit::uninit);
                    &mut heap[..]
                }
            };
            let values = values.split_at_mut(params.len());
            self.run(plugin, slots, (params, results), values)
        })
    }

    /// One call. There are as many inputs and outputs as parameters and results.
    #[inline(always)]
    fn run(
        &self,
        plugin: &mut CurrentPlugin<'_>,
        slots: &mut Slots<'_>,
        (params, results): (&[ValueType], &[ValueType]),
        (inputs, outputs): Values<'_>,
    ) -> anyhow::Result<()> {
        for (at, (value, ty)) in inputs.iter_mut().zip(params).enumerate() {
            value.write(to_c(slots.get(at, *ty), *ty));
        }
        for (value, ty) in outputs.iter_mut().zip(results) {
            value.write(to_c(0, *ty));
        }
        current::lend(plugin, |plugin| {
            (self.func)(
                plugin,
                or_null(inputs.as_ptr().cast(), params.len()),
                params.len() as u64,
                or_null(outputs.as_mut_ptr().cast(), results.len()).cast_mut(),
                results.len() as u64,
                self.user_data.pointer(),
            );
        })?;
        for (at, (value, ty)) in outputs.iter().zip(results).enumerate() {
            // SAFETY: every result was written above; C can only have put other values there.
            let value = unsafe { value.assume_init_ref() };
            if value.t != number(*ty) {
                return Err(wrong_type(at, value.t, *ty));
            }
            slots.set(at, *ty, from_c(value, *ty));
        }
        Ok(())
    }
}

/// Room for the arguments and for the results of a call.
type Values<'a> = (
    &'a mut [MaybeUninit<ExtismVal>],
    &'a mut [MaybeUninit<ExtismVal>],
);

/// No values are a NULL, never an address beside the array.
#[inline]
fn or_null(values: *const ExtismVal, count: usize) -> *const ExtismVal {
    match count {
        0 => std::ptr::null(),
        _ => values,
    }
}

#[cold]
fn wrong_type(index: usize, found: ExtismValType, expected: ValueType) -> anyhow::Error {
    anyhow::anyhow!("host function answered result {index} with type {found}, not {expected:?}")
}

/// Types a caller passed.
///
/// # Safety
/// NULL, or as many types as stated.
unsafe fn types(types: *const ExtismValType, count: u64) -> Option<Vec<ValueType>> {
    if types.is_null() || count == 0 {
        return Some(Vec::new());
    }
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= SLOTS_MAX)?;
    // SAFETY: as the caller says.
    let types = unsafe { std::slice::from_raw_parts(types, count) };
    types.iter().map(|number| value_type(*number)).collect()
}

/// Functions taken out of their shells.
pub(crate) struct Taken<'a> {
    functions: Vec<HostFunction>,
    shells: Vec<&'a Shell>,
}

impl Taken<'_> {
    pub(crate) fn into_functions(self) -> Vec<HostFunction> {
        self.functions
    }

    pub(crate) fn functions(&self) -> Vec<HostFunction> {
        self.functions.clone()
    }

    /// Puts the functions back.
    pub(crate) fn give_back(self) {
        for (shell, function) in self.shells.iter().zip(self.functions) {
            *shell.lock() = Some(function);
        }
    }
}

/// Takes the functions of a list out of their shells: all or none.
///
/// # Safety
/// NULL, or a list of as many pointers as stated, each NULL or to a live function.
pub(crate) unsafe fn take<'a>(
    list: *mut *const ExtismFunction,
    count: u64,
) -> Result<Taken<'a>, Error> {
    let mut taken = Taken {
        functions: Vec::new(),
        shells: Vec::new(),
    };
    if list.is_null() || count == 0 {
        return Ok(taken);
    }
    if count > FUNCTIONS_MAX {
        let text = format!("{count} functions are more than {FUNCTIONS_MAX}");
        return Err(Error::new(Status::InvalidArgument, text));
    }
    for index in 0..count as usize {
        // SAFETY: within the length the caller stated.
        let function = unsafe { list.add(index).read() };
        // SAFETY: the caller says that it is NULL or live.
        let shell = match unsafe { Object::get(function) } {
            Some(shell) => shell,
            None => {
                taken.give_back();
                return Err(ffi::null("function"));
            }
        };
        let Some(function) = shell.lock().take() else {
            taken.give_back();
            let text = "Function cannot be registered with multiple different Plugins";
            return Err(Error::new(Status::AlreadyUsed, text));
        };
        taken.functions.push(function);
        taken.shells.push(shell);
    }
    Ok(taken)
}

/// A new host function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_function_new(
    name: *const c_char,
    inputs: *const ExtismValType,
    n_inputs: u64,
    outputs: *const ExtismValType,
    n_outputs: u64,
    func: Option<ExtismFunctionType>,
    user_data: *mut c_void,
    free_user_data: Release,
) -> *mut ExtismFunction {
    boundary!(extism_function_new, std::ptr::null_mut(), {
        // SAFETY: the caller passes NULL or a text that ends with NUL.
        let name = unsafe { ffi::text(name) };
        // SAFETY: the caller passes NULL or as many types as it says.
        let types = unsafe { (types(inputs, n_inputs), types(outputs, n_outputs)) };
        let (Ok(name), (Some(params), Some(results)), Some(func)) = (name, types, func) else {
            return std::ptr::null_mut();
        };
        let callback = Callback {
            func,
            user_data: UserData::new(user_data, free_user_data),
        };
        let function = callback.into_function(name, params, results);
        Object::into_raw(Shell(Mutex::new(Some(function))))
    })
}

/// Frees a function object; a function that was handed over lives on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_function_free(f: *mut ExtismFunction) {
    boundary!(extism_function_free, (), {
        // SAFETY: the caller passes NULL or a function it does not use any more.
        drop(unsafe { Object::take(f) });
    })
}

/// Sets the name of the module plug-ins import a function from.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_function_set_namespace(
    ptr: *mut ExtismFunction,
    namespace_: *const c_char,
) {
    boundary!(extism_function_set_namespace, (), {
        // SAFETY: the caller passes NULL or a live function.
        let shell = unsafe { Object::get(ptr) };
        if let Some(shell) = shell
            && !namespace_.is_null()
        {
            // SAFETY: the caller passes a text that ends with NUL.
            let namespace = unsafe { CStr::from_ptr(namespace_) }.to_string_lossy();
            let mut shell = shell.lock();
            *shell = shell
                .take()
                .map(|function| function.with_namespace(namespace));
        }
    })
}
