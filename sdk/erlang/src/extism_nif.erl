%% @private The native functions. Those with a tag begin a call that is answered by message (`extism_call').
%%
%% Must not know: anything but where the library is. Invariant: without the library every function says why
%% it is not there.
-module(extism_nif).

-export([version/0, stats/0, settle/1, set_log_file/2]).
-export([call_stop/2, inspect/3, precompile/3]).
-export([context_new/1, context_reset/3]).
-export([compile/3, compiled_free/2, compiled_has_function/2]).
-export([pool_new/2, pool_get/4, pool_stats/1, pool_free/2]).
-export([plugin_new/4, plugin_from_compiled/3, plugin_update/6, plugin_free/3, plugin_call/5]).
-export([plugin_has_function/4, plugin_configure/4, plugin_vars/3, plugin_var_get/4, plugin_change_vars/4]).
-export([plugin_reset/3, plugin_renew/3, plugin_allow_headers/3, plugin_fuel/3, plugin_id/2, plugin_cancel/2]).
-export([host_ask/3, host_return/2, host_fail/2, host_must_stop/1, host_time_remaining/1]).

-on_load(load/0).

-define(VERSION, <<"1.42.0">>).
-define(MISSING, missing(?FUNCTION_NAME)).

-type result(Value) :: {ok, Value} | {error, extism_call:error()}.
-type wasm() :: binary() | {binary(), [binary()]}.
-type changes() :: [{binary(), binary() | undefined}].

%% The library is the file `EXTISM_NIF' names, or the one in the folder `priv' of the application. If it cannot
%% be loaded the module is there all the same, and says so when it is used. A new version of the module in the
%% place of one that has the library is refused: the old one stays.
-spec load() -> ok | {error, string()}.
load() ->
    Paths = [Path || Path <- [os:getenv("EXTISM_NIF"), priv()], Path =/= false],
    case load(Paths, []) of
        ok ->
            _ = persistent_term:erase(?MODULE),
            ok;
        {missing, Reasons} ->
            persistent_term:put(?MODULE, Reasons);
        {error, _} = Error ->
            Error
    end.

load([], Reasons) ->
    {missing, lists:join("; ", lists:reverse(Reasons))};
load([Path | Paths], Reasons) ->
    case erlang:load_nif(filename:rootname(Path), ?VERSION) of
        ok -> ok;
        {error, {Kind, Text}} when Kind =:= upgrade; Kind =:= reload -> {error, Text};
        {error, {load, _}} -> load(Paths, [[Path, ": it is not version ", ?VERSION] | Reasons]);
        {error, {_, Text}} -> load(Paths, [Text | Reasons])
    end.

priv() ->
    Ebin = filename:dirname(code:which(?MODULE)),
    filename:join([filename:dirname(Ebin), "priv", "libextism_nif.so"]).

-spec missing(atom()) -> any().
missing(Function) ->
    Reasons = persistent_term:get(?MODULE, "it was not loaded"),
    Text = unicode:characters_to_binary(["the native library of extism cannot be used: ", Reasons]),
    erlang:nif_error({extism_library, Function, Text}).

-spec version() -> string() | binary().
version() -> ?MISSING.
-spec stats() -> {non_neg_integer(), non_neg_integer(), non_neg_integer(), non_neg_integer()}.
stats() -> ?MISSING.
-spec settle(reference()) -> result(reference()).
settle(_Tag) -> ?MISSING.
-spec set_log_file(binary(), binary()) -> boolean().
set_log_file(_Path, _Filter) -> ?MISSING.
-spec call_stop(reference(), boolean()) -> ok.
call_stop(_Call, _IsTimeout) -> ?MISSING.
-spec inspect(reference(), wasm(), map()) -> result(reference()).
inspect(_Tag, _Wasm, _Options) -> ?MISSING.
-spec precompile(reference(), wasm(), map()) -> result(reference()).
precompile(_Tag, _Wasm, _Options) -> ?MISSING.
-spec context_new(boolean()) -> reference().
context_new(_IsPrivate) -> ?MISSING.
-spec context_reset(reference(), reference(), boolean()) -> result(reference()).
context_reset(_Tag, _Context, _Close) -> ?MISSING.
-spec compile(reference(), wasm(), map()) -> result(reference()).
compile(_Tag, _Wasm, _Options) -> ?MISSING.
-spec compiled_free(reference(), reference()) -> result(reference()).
compiled_free(_Tag, _Compiled) -> ?MISSING.
-spec compiled_has_function(reference(), binary()) -> result(boolean()).
compiled_has_function(_Compiled, _Name) -> ?MISSING.
-spec pool_new(reference(), non_neg_integer()) -> result(reference()).
pool_new(_Compiled, _InstancesMax) -> ?MISSING.
-spec pool_get(reference(), reference(), reference(), non_neg_integer()) -> result(reference()).
pool_get(_Tag, _Pool, _Context, _TimeoutMs) -> ?MISSING.
-spec pool_stats(reference()) -> result(tuple()).
pool_stats(_Pool) -> ?MISSING.
-spec pool_free(reference(), reference()) -> result(reference()).
pool_free(_Tag, _Pool) -> ?MISSING.
-spec plugin_new(reference(), reference(), wasm(), map()) -> result(reference()).
plugin_new(_Tag, _Context, _Wasm, _Options) -> ?MISSING.
-spec plugin_from_compiled(reference(), reference(), reference()) -> result(reference()).
plugin_from_compiled(_Tag, _Context, _Compiled) -> ?MISSING.
-spec plugin_update(reference(), reference(), non_neg_integer(), wasm(), map(), changes()) -> result(reference()).
plugin_update(_Tag, _Context, _Number, _Wasm, _Options, _Changes) -> ?MISSING.
-spec plugin_free(reference(), reference(), non_neg_integer()) -> result(reference()).
plugin_free(_Tag, _Context, _Number) -> ?MISSING.
-spec plugin_call(reference(), reference(), non_neg_integer(), binary(), binary()) -> result(reference()).
plugin_call(_Tag, _Context, _Number, _Name, _Input) -> ?MISSING.
-spec plugin_has_function(reference(), reference(), non_neg_integer(), binary()) -> result(reference()).
plugin_has_function(_Tag, _Context, _Number, _Name) -> ?MISSING.
-spec plugin_configure(reference(), reference(), non_neg_integer(), changes()) -> result(reference()).
plugin_configure(_Tag, _Context, _Number, _Changes) -> ?MISSING.
-spec plugin_vars(reference(), reference(), non_neg_integer()) -> result(reference()).
plugin_vars(_Tag, _Context, _Number) -> ?MISSING.
-spec plugin_var_get(reference(), reference(), non_neg_integer(), binary()) -> result(reference()).
plugin_var_get(_Tag, _Context, _Number, _Name) -> ?MISSING.
-spec plugin_change_vars(reference(), reference(), non_neg_integer(), [{binary(), binary() | undefined}]) -> result(reference()).
plugin_change_vars(_Tag, _Context, _Number, _Changes) -> ?MISSING.
-spec plugin_reset(reference(), reference(), non_neg_integer()) -> result(reference()).
plugin_reset(_Tag, _Context, _Number) -> ?MISSING.
-spec plugin_renew(reference(), reference(), non_neg_integer()) -> result(reference()).
plugin_renew(_Tag, _Context, _Number) -> ?MISSING.
-spec plugin_allow_headers(reference(), reference(), non_neg_integer()) -> result(reference()).
plugin_allow_headers(_Tag, _Context, _Number) -> ?MISSING.
-spec plugin_fuel(reference(), reference(), non_neg_integer()) -> result(reference()).
plugin_fuel(_Tag, _Context, _Number) -> ?MISSING.
-spec plugin_id(reference(), non_neg_integer()) -> result(binary()).
plugin_id(_Context, _Number) -> ?MISSING.
-spec plugin_cancel(reference(), non_neg_integer()) -> result(ok).
plugin_cancel(_Context, _Number) -> ?MISSING.
-spec host_ask(reference(), reference(), tuple()) -> result(ok).
host_ask(_Request, _Tag, _Operation) -> ?MISSING.
-spec host_return(reference(), list()) -> result(ok).
host_return(_Request, _Results) -> ?MISSING.
-spec host_fail(reference(), binary()) -> result(ok).
host_fail(_Request, _Message) -> ?MISSING.
-spec host_must_stop(reference()) -> boolean().
host_must_stop(_Request) -> ?MISSING.
-spec host_time_remaining(reference()) -> timeout().
host_time_remaining(_Request) -> ?MISSING.
