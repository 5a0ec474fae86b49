//! What the driver keeps between requests: plug-ins, compiled plug-ins, contexts and pools, by name.
//!
//! Must not know: lines. Invariant: a plug-in that runs cannot be reached a second time; the SDK's own
//! `Context` says that it is busy, so a host function can ask.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use extism::{
    CallError, CancelHandle, CompiledPlugin, Context, Error, Plugin, PluginBuilder, Pool,
    PoolBuilder, PoolPlugin, Status,
};

use crate::message::{Request, hex, number, unhex};
use crate::options;

/// All of it; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Objects(Arc<Shared>);

#[derive(Default)]
struct Shared {
    named: Mutex<BTreeMap<String, Object>>,
    /// What log sinks received, by the name of the object they were given to.
    logs: Mutex<BTreeMap<String, Log>>,
}

type Log = Arc<Mutex<Vec<(u8, String)>>>;

#[derive(Clone)]
enum Object {
    /// The only plug-in of a context of its own.
    Plugin(Arc<Context>, i32, CancelHandle),
    Lent(Arc<Mutex<PoolPlugin>>, CancelHandle),
    Compiled(CompiledPlugin),
    Context(Arc<Context>),
    Pool(Pool),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ownership keeps programs in Rust from this; a driver has names instead.
fn closed(id: &str) -> Error {
    CallError::new(Status::Closed, format!("{id} is closed")).into()
}

pub(crate) fn configure(plugin: &mut Plugin, json: &str) -> Result<String, Error> {
    let changes: BTreeMap<String, Option<String>> = serde_json::from_str(json)?;
    for (key, value) in changes {
        match value {
            Some(value) => plugin.set_config(key, value),
            None => plugin.remove_config(key),
        }
    }
    Ok(String::new())
}

impl Objects {
    /// What the sink of this object receives from now on.
    pub(crate) fn log_of(&self, id: &str) -> Log {
        let log = Log::default();
        lock(&self.0.logs).insert(id.to_owned(), Arc::clone(&log));
        log
    }

    fn same_log(&self, id: &str, from: &str) {
        let mut logs = lock(&self.0.logs);
        if let Some(log) = logs.get(from).cloned() {
            logs.insert(id.to_owned(), log);
        }
    }

    pub(crate) fn logs(&self, id: &str) -> Result<String, Error> {
        self.find(id)?;
        let Some(log) = lock(&self.0.logs).get(id).cloned() else {
            return Ok(String::new());
        };
        let lines = std::mem::take(&mut *lock(&log));
        let words = lines
            .iter()
            .map(|(level, text)| format!("{level}:{}", hex(text.as_bytes())));
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    /// Keeps an object; one of the same name is dropped outside of the lock.
    fn keep(&self, id: &str, object: Object) -> String {
        let old = lock(&self.0.named).insert(id.to_owned(), object);
        drop(old);
        String::new()
    }

    fn find(&self, id: &str) -> Result<Object, Error> {
        lock(&self.0.named)
            .get(id)
            .cloned()
            .ok_or_else(|| closed(id))
    }

    pub(crate) fn free(&self, id: &str) -> String {
        let old = lock(&self.0.named).remove(id);
        lock(&self.0.logs).remove(id);
        drop(old);
        String::new()
    }

    pub(crate) fn compile(&self, id: &str, builder: PluginBuilder<'_>) -> Result<String, Error> {
        Ok(self.keep(id, Object::Compiled(builder.compile()?)))
    }

    pub(crate) fn make(&self, id: &str, request: &Request<'_>, at: usize) -> Result<String, Error> {
        self.keep_plugin(id, options::builder(request, at, self)?.build()?)
    }

    pub(crate) fn instantiate(&self, id: &str, compiled: &str) -> Result<String, Error> {
        let plugin = Plugin::new_from_compiled(&self.compiled(compiled)?)?;
        self.same_log(id, compiled);
        self.keep_plugin(id, plugin)
    }

    fn keep_plugin(&self, id: &str, plugin: Plugin) -> Result<String, Error> {
        let cancel = plugin.cancel_handle();
        let context = Arc::new(Context::new());
        let number = context.insert(plugin)?;
        Ok(self.keep(id, Object::Plugin(context, number, cancel)))
    }

    fn compiled(&self, id: &str) -> Result<CompiledPlugin, Error> {
        match self.find(id)? {
            Object::Compiled(compiled) => Ok(compiled),
            _ => Err(closed(id)),
        }
    }

    /// Does something with a plug-in.
    pub(crate) fn with<R: Answer>(
        &self,
        id: &str,
        work: impl FnOnce(&mut Plugin) -> Result<R, Error>,
    ) -> Result<String, Error> {
        with(self.find(id)?, id, work).map(Answer::words)
    }

    pub(crate) fn exists(&self, id: &str, function: &str) -> Result<bool, Error> {
        with(self.find(id)?, id, |plugin| {
            Ok(plugin.function_exists(function))
        })
    }

    pub(crate) fn configure(&self, id: &str, json: &str) -> Result<String, Error> {
        self.with(id, |plugin| configure(plugin, json))
    }

    pub(crate) fn variable(&self, id: &str, request: &Request<'_>) -> Result<String, Error> {
        let (name, value) = (request.text(3)?, request.bytes(4)?);
        self.with(id, |plugin| match request.word(2) {
            "get" => Ok(plugin
                .vars()
                .get(&name)
                .map_or_else(|| "?".to_owned(), |value| hex(value))),
            "set" => {
                plugin.vars_mut().insert(name, value);
                Ok(String::new())
            }
            _ => {
                plugin.vars_mut().remove(&name);
                Ok(String::new())
            }
        })
    }

    pub(crate) fn plain_call(
        &self,
        id: &str,
        function: &str,
        input: &[u8],
    ) -> Result<Vec<u8>, Error> {
        with(self.find(id)?, id, |plugin| plugin.call(function, input))
    }

    pub(crate) fn call(&self, id: &str, request: &Request<'_>) -> Result<String, Error> {
        let (function, input) = (request.text(2)?, request.bytes(3)?);
        let context = request.option("context").map(unhex).transpose()?;
        let cancel = self.cancel_handle(id)?;
        let canceller = match request.option("cancel_ms") {
            None => None,
            Some(word) => {
                let time = Duration::from_millis(number(word)?);
                Some(std::thread::spawn(move || {
                    std::thread::sleep(time);
                    cancel.cancel()
                }))
            }
        };
        let called: Result<Vec<u8>, Error> = with(self.find(id)?, id, |plugin| match context {
            Some(context) => plugin.call_with_host_context(function, input, context),
            None => plugin.call(function, input),
        });
        if let Some(canceller) = canceller {
            canceller
                .join()
                .map_err(|_| Error::msg("the cancelling thread panicked"))??;
        }
        Ok(hex(&called?))
    }

    /// Calls the plug-in of this identity, which is running: it has to say so.
    pub(crate) fn call_running(&self, id: &[u8; 16], function: &str) -> Result<(), Error> {
        let named = lock(&self.0.named).clone();
        let running = named.into_iter().find(|(_, object)| match object {
            Object::Plugin(_, _, cancel) | Object::Lent(_, cancel) => id == cancel.id.as_bytes(),
            _ => false,
        });
        let (name, object) = running.ok_or_else(|| closed("the running plug-in"))?;
        with(object, &name, |plugin| plugin.call(function, ()))
    }

    fn cancel_handle(&self, id: &str) -> Result<CancelHandle, Error> {
        match self.find(id)? {
            Object::Plugin(_, _, cancel) | Object::Lent(_, cancel) => Ok(cancel),
            _ => Err(closed(id)),
        }
    }

    pub(crate) fn cancel(&self, id: &str) -> Result<String, Error> {
        self.cancel_handle(id)?.cancel()?;
        Ok(String::new())
    }

    pub(crate) fn context(&self, id: &str) -> String {
        self.keep(id, Object::Context(Arc::default()))
    }

    fn find_context(&self, id: &str) -> Result<Arc<Context>, Error> {
        match self.find(id)? {
            Object::Context(context) => Ok(context),
            _ => Err(closed(id)),
        }
    }

    pub(crate) fn context_new(&self, id: &str, request: &Request<'_>) -> Result<String, Error> {
        let context = self.find_context(id)?;
        let plugin = options::builder(request, 2, self)?.build()?;
        Ok(context.insert(plugin)?.to_string())
    }

    pub(crate) fn context_update(&self, id: &str, request: &Request<'_>) -> Result<String, Error> {
        let context = self.find_context(id)?;
        let plugin = options::builder(request, 3, self)?.build()?;
        context.replace(request.number(2)?, plugin)?;
        Ok(String::new())
    }

    pub(crate) fn context_with(
        &self,
        id: &str,
        request: &Request<'_>,
        work: impl FnOnce(&mut Plugin) -> Result<String, Error>,
    ) -> Result<String, Error> {
        self.find_context(id)?.with(request.number(2)?, work)?
    }

    pub(crate) fn context_call(&self, id: &str, request: &Request<'_>) -> Result<String, Error> {
        let (function, input) = (request.text(3)?, request.bytes(4)?);
        self.context_with(id, request, |plugin| Ok(hex(plugin.call(function, input)?)))
    }

    pub(crate) fn context_free(&self, id: &str, request: &Request<'_>) -> Result<String, Error> {
        self.find_context(id)?.remove(request.number(2)?)?;
        Ok(String::new())
    }

    pub(crate) fn context_reset(&self, id: &str) -> Result<String, Error> {
        self.find_context(id)?.reset();
        Ok(String::new())
    }

    pub(crate) fn pool(&self, id: &str, request: &Request<'_>) -> Result<String, Error> {
        let compiled = self.compiled(request.word(2))?;
        let builder = match request.number(3)? {
            0 => PoolBuilder::new(),
            instances_max => PoolBuilder::new().with_max_instances(instances_max),
        };
        self.same_log(id, request.word(2));
        let pool = builder.build(move || Plugin::new_from_compiled(&compiled));
        Ok(self.keep(id, Object::Pool(pool)))
    }

    fn find_pool(&self, id: &str) -> Result<Pool, Error> {
        match self.find(id)? {
            Object::Pool(pool) => Ok(pool),
            _ => Err(closed(id)),
        }
    }

    pub(crate) fn borrow(&self, id: &str, request: &Request<'_>) -> Result<String, Error> {
        let timeout = Duration::from_millis(request.number(3)?);
        let Some(plugin) = self.find_pool(id)?.get(timeout)? else {
            // The pool answers `None`; other SDKs have this status for it.
            return Err(CallError::new(Status::WaitTimeout, "no plug-in was free in time").into());
        };
        let cancel = plugin.cancel_handle();
        self.same_log(request.word(2), id);
        let lent = Arc::new(Mutex::new(plugin));
        Ok(self.keep(request.word(2), Object::Lent(lent, cancel)))
    }

    pub(crate) fn pool_stats(&self, id: &str) -> Result<String, Error> {
        let stats = self.find_pool(id)?.stats();
        let counts =
            [stats.instances_max, stats.alive, stats.idle, stats.waiting].map(|count| count as u64);
        let counts = counts.into_iter().chain([stats.made, stats.replaced]);
        Ok(counts
            .map(|count| count.to_string())
            .collect::<Vec<_>>()
            .join(" "))
    }

    pub(crate) fn threads(&self, id: &str, request: &Request<'_>) -> Result<String, Error> {
        let (compiled, function) = (self.compiled(id)?, request.text(4)?);
        let (threads, calls): (usize, usize) = (request.number(2)?, request.number(3)?);
        let input = request.bytes(5)?;
        let work = || -> Result<Vec<Vec<u8>>, Error> {
            let mut plugin = Plugin::new_from_compiled(&compiled)?;
            (0..calls).map(|_| plugin.call(&function, &input)).collect()
        };
        let outputs: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            let joined =
                joined.map(|outputs| outputs.map_err(|_| Error::msg("a thread panicked"))?);
            Ok::<_, Error>(joined.collect::<Result<Vec<_>, _>>()?.concat())
        })?;
        let first = outputs.first().cloned().unwrap_or_default();
        match outputs.iter().all(|output| *output == first) {
            true => Ok(format!("{} {}", outputs.len(), hex(&first))),
            false => Err(Error::msg("the outputs differ")),
        }
    }
}

/// Does something with a plug-in that is not running.
fn with<R>(
    object: Object,
    id: &str,
    work: impl FnOnce(&mut Plugin) -> Result<R, Error>,
) -> Result<R, Error> {
    match object {
        Object::Plugin(context, number, _) => context.with(number, work)?,
        Object::Lent(plugin, _) => match plugin.try_lock() {
            Ok(mut plugin) => work(&mut plugin),
            Err(_) => Err(CallError::new(Status::Busy, format!("{id} is in use")).into()),
        },
        _ => Err(closed(id)),
    }
}

/// What a request gives back, as words.
pub(crate) trait Answer {
    fn words(self) -> String;
}

impl Answer for () {
    fn words(self) -> String {
        String::new()
    }
}

impl Answer for String {
    fn words(self) -> String {
        self
    }
}
