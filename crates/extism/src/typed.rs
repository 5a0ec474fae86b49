//! Host functions whose types are known when they are compiled.
//!
//! Must not know: dynamic values. Invariant: what the closure's type says is what plug-ins must
//! import; numbers go from the plug-in's registers to the closure without a [`Val`](crate::Val), an
//! allocation or a lock between.

use anyhow::Error;
use extism_runtime::{Slot, Slots, ValueType};

use crate::{CurrentPlugin, ValType};

/// A number that travels between plug-ins and host functions. A memory handle is a `u64`.
pub trait Number: sealed::Number {}

/// What a typed host function gives back: one number, or nothing.
pub trait Results: sealed::Results {}

/// A closure that [`Function::typed`](crate::Function::typed) takes: of a plug-in and up to eight
/// [numbers](Number), giving a [result](Results) or an error.
pub trait TypedFunction<Arguments>: sealed::Typed<Arguments> {}

pub(crate) mod sealed {
    use super::{CurrentPlugin, Error, Slot, Slots, ValType, ValueType};

    pub trait Number: Copy + 'static {
        const TYPE: ValType;
        const SLOT: ValueType;
        fn from_slot(slot: Slot) -> Self;
        fn to_slot(self) -> Slot;
    }

    pub trait Results: 'static {
        const TYPES: &'static [ValType];
        fn put(self, slots: &mut Slots<'_>);
    }

    pub trait Typed<Arguments>: Send + Sync + 'static {
        const PARAMS: &'static [ValType];
        const RESULTS: &'static [ValType];
        fn run(&self, plugin: &mut CurrentPlugin<'_>, slots: &mut Slots<'_>) -> Result<(), Error>;
    }
}

macro_rules! number {
    ($($number:ty, $ty:ident, $slot:ident => $from:expr, $value:ident => $to:expr;)*) => {
        $(
            impl Number for $number {}

            impl sealed::Number for $number {
                const TYPE: ValType = ValType::$ty;
                const SLOT: ValueType = ValueType::$ty;

                #[inline]
                fn from_slot($slot: Slot) -> Self {
                    $from
                }

                #[inline]
                fn to_slot(self) -> Slot {
                    let $value = self;
                    $to
                }
            }

            impl Results for $number {}

            impl sealed::Results for $number {
                const TYPES: &'static [ValType] = &[ValType::$ty];

                #[inline]
                fn put(self, slots: &mut Slots<'_>) {
                    slots.set(0, ValueType::$ty, sealed::Number::to_slot(self));
                }
            }
        )*
    };
}

// A slot holds the value's bits, so truncation to the type's width is its meaning.
number! {
    i32, I32, slot => slot as i32, value => u64::from(value as u32);
    u32, I32, slot => slot as u32, value => u64::from(value);
    i64, I64, slot => slot as i64, value => value as u64;
    u64, I64, slot => slot, value => value;
    f32, F32, slot => f32::from_bits(slot as u32), value => u64::from(value.to_bits());
    f64, F64, slot => f64::from_bits(slot), value => value.to_bits();
}

impl Results for () {}

impl sealed::Results for () {
    const TYPES: &'static [ValType] = &[];

    #[inline]
    fn put(self, _slots: &mut Slots<'_>) {}
}

macro_rules! typed {
    ($($argument:ident)*) => {
        impl<F, R, $($argument,)*> TypedFunction<($($argument,)*)> for F
        where
            F: Fn(&mut CurrentPlugin<'_>, $($argument),*) -> Result<R, Error> + Send + Sync + 'static,
            R: Results,
            $($argument: Number,)*
        {
        }

        impl<F, R, $($argument,)*> sealed::Typed<($($argument,)*)> for F
        where
            F: Fn(&mut CurrentPlugin<'_>, $($argument),*) -> Result<R, Error> + Send + Sync + 'static,
            R: Results,
            $($argument: Number,)*
        {
            const PARAMS: &'static [ValType] = &[$($argument::TYPE),*];
            const RESULTS: &'static [ValType] = R::TYPES;

            #[inline]
            #[allow(unused_mut, unused_variables, reason = "not every function has arguments")]
            fn run(
                &self,
                plugin: &mut CurrentPlugin<'_>,
                slots: &mut Slots<'_>,
            ) -> Result<(), Error> {
                let mut places = 0..;
                let mut next = |ty| slots.get(places.next().unwrap_or_default(), ty);
                let answer = self(plugin, $($argument::from_slot(next($argument::SLOT))),*)?;
                answer.put(slots);
                Ok(())
            }
        }
    };
}

typed!();
typed!(A);
typed!(A B);
typed!(A B C);
typed!(A B C D);
typed!(A B C D E);
typed!(A B C D E G);
typed!(A B C D E G H);
typed!(A B C D E G H I);
