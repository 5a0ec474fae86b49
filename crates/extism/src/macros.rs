//! Macros for typed host functions and typed plug-ins.
//!
//! Must not know: encodings; the argument types choose them. Invariant: what a plug-in passes can
//! make a macro's function fail, never panic.

use anyhow::Error;
use extism_convert::{FromBytes, ToBytes};
use extism_runtime::Status;

use crate::{CallError, CurrentPlugin, Val};

/// Defines a host function with typed arguments and result, each in a block of kernel memory.
///
/// The body gives a `Result`. A first argument followed by a semicolon is the [`UserData`](crate::UserData).
///
/// ```
/// use extism::{Function, PTR, UserData, host_fn};
///
/// host_fn!(pub repeat(times: usize; text: String) -> String {
///     let times = *times.get()?.lock().unwrap();
///     Ok(text.repeat(times))
/// });
///
/// let function = Function::new("repeat", [PTR], [PTR], UserData::new(3), repeat);
/// assert_eq!(function.name(), "repeat");
/// ```
#[macro_export]
macro_rules! host_fn {
    ($(#[$meta:meta])* $pub:vis $name:ident ($($arg:ident : $argty:ty),* $(,)?) $(-> $ret:ty)? $b:block) => {
        $crate::host_fn!($(#[$meta])* $pub $name (user_data: (); $($arg : $argty),*) $(-> $ret)? $b);
    };
    (
        $(#[$meta:meta])*
        $pub:vis $name:ident ($user_data:ident : $dataty:ty; $($arg:ident : $argty:ty),* $(,)?)
        $(-> $ret:ty)? $b:block
    ) => {
        $(#[$meta])*
        $pub fn $name(
            plugin: &mut $crate::CurrentPlugin<'_>,
            inputs: &[$crate::Val],
            outputs: &mut [$crate::Val],
            #[allow(unused, reason = "not every function uses its data")]
            mut $user_data: $crate::UserData<$dataty>,
        ) -> ::std::result::Result<(), $crate::Error> {
            let output = {
                #[allow(unused, reason = "not every function has arguments")]
                let mut inputs = inputs.iter();
                $(
                    let $arg: $argty =
                        $crate::__private::argument(plugin, inputs.next(), ::std::stringify!($arg))?;
                )*
                move || -> ::std::result::Result<_, $crate::Error> { $b }
            };
            let output = output()?;
            $crate::__private::give(plugin, outputs, &output)
        }
    };
}

/// Defines a type around [`Plugin`](crate::Plugin) with a method for each function a plug-in must export.
///
/// ```
/// extism::typed_plugin!(pub Greeter {
///     greet(&str) -> String;
///     farewell(&str) -> String;
/// });
///
/// let plugin = extism::Plugin::new(r#"(module (func (export "greet")))"#, [], false)?;
/// let missing = Greeter::try_from(plugin).err().expect("it has no farewell");
/// assert_eq!(missing.to_string(), "Invalid function: farewell");
/// # Ok::<(), extism::Error>(())
/// ```
#[macro_export]
macro_rules! typed_plugin {
    (
        $(#[$meta:meta])*
        $pub:vis $name:ident {
            $(
                $(#[$fmeta:meta])*
                $f:ident $(< $( $lt:tt $( : $clt:path )? ),+ >)? ($input:ty) -> $output:ty
            );* $(;)?
        }
    ) => {
        $(#[$meta])*
        $pub struct $name(pub $crate::Plugin);

        impl ::std::convert::TryFrom<$crate::Plugin> for $name {
            type Error = $crate::Error;

            fn try_from(plugin: $crate::Plugin) -> ::std::result::Result<Self, Self::Error> {
                $($crate::__private::expect_function(&plugin, ::std::stringify!($f))?;)*
                ::std::result::Result::Ok($name(plugin))
            }
        }

        impl ::std::convert::From<$name> for $crate::Plugin {
            fn from(plugin: $name) -> Self {
                plugin.0
            }
        }

        impl $name {
            $(
                $(#[$fmeta])*
                #[allow(dead_code, missing_docs, reason = "not every program calls every function of its plug-ins")]
                pub fn $f<'a, $( $( $lt $( : $clt )? ),+ )? >(
                    &'a mut self,
                    input: $input,
                ) -> ::std::result::Result<$output, $crate::Error> {
                    self.0.call(::std::stringify!($f), input)
                }
            )*
        }
    };
}

/// The argument of a [`host_fn!`] function.
pub fn argument<'a, T: FromBytes<'a>>(
    plugin: &'a mut CurrentPlugin<'_>,
    value: Option<&Val>,
    name: &str,
) -> Result<T, Error> {
    match value {
        Some(value) => plugin.memory_get_val(value),
        None => {
            let text = format!("the host function is declared without its argument {name}");
            Err(CallError::new(Status::HostFunction, text).into())
        }
    }
}

/// Gives the result of a [`host_fn!`] function back, if it is declared to have one.
pub fn give<'a, T: ToBytes<'a>>(
    plugin: &mut CurrentPlugin<'_>,
    outputs: &mut [Val],
    value: T,
) -> Result<(), Error> {
    match outputs.first_mut() {
        Some(output) => plugin.memory_set_val(output, value),
        None => Ok(()),
    }
}

/// What [`typed_plugin!`] asks of a plug-in.
pub fn expect_function(plugin: &crate::Plugin, name: &str) -> Result<(), Error> {
    if plugin.function_exists(name) {
        return Ok(());
    }
    let text = format!("Invalid function: {name}");
    Err(CallError::new(Status::FunctionNotFound, text).into())
}
