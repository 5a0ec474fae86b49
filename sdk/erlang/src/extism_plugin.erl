%% @doc Plug-ins. Any process may use one; while a call runs, others are told that it is `busy'.
%%
%% A call runs on a thread of its own, and the calling process waits for a message; if it dies, or its timeout
%% passes, the call is stopped. Every function answers `{ok, Value}', `ok' or `{error, Error}'.
%%
%% Must not know: how calls are made. Invariant: a plug-in is freed once, by whomever, or when nobody knows
%% it any more.
-module(extism_plugin).

-export([new/1, new/2, call/2, call/3, call/4, update/3, free/1, has_function/2, config/2, cancel/1]).
-export([vars/1, var_get/2, var_set/3, var_remove/2, change_vars/2]).
-export([reset/1, renew/1, allow_http_response_headers/1, fuel_consumed/1, id/1]).
-export([start_new/3, made/3, start_call/2]).
-export_type([plugin/0, call_options/0]).

-type plugin() :: {extism_plugin, reference(), non_neg_integer()}.
-type call_options() :: #{timeout => timeout(), host_context => term()}.
-type result(Value) :: extism_call:result(Value).

%% @equiv new(Source, #{})
-spec new(extism_manifest:source() | extism_compiled_plugin:compiled_plugin()) -> result(plugin()).
new(Source) ->
    new(Source, #{}).

%% @doc Makes a plug-in. The options may be a boolean: whether it may use WASI. A compiled plug-in has been given
%% its options; only `config' may come with one.
-spec new(
    extism_manifest:source() | extism_compiled_plugin:compiled_plugin(), boolean() | extism:options()
) -> result(plugin()).
new(Source, Options) ->
    extism_context:new_plugin({extism_context, extism_nif:context_new(true)}, Source, Options).

%% @private
-spec start_new(
    extism_context:context(),
    extism_manifest:source() | extism_compiled_plugin:compiled_plugin(),
    extism:options()
) -> result(extism_call:begin_fun()).
start_new({extism_context, Native}, {extism_compiled_plugin, Compiled}, Options) ->
    _ = changes(Options),
    case too_late(Options) of
        [] ->
            {ok, fun(Tag) -> extism_nif:plugin_from_compiled(Tag, Native, Compiled) end};
        Names ->
            Text = io_lib:format("a compiled plug-in takes config only, and not ~0tp", [Names]),
            {error, extism_error:error_of(invalid_argument, Text)}
    end;
start_new({extism_context, Native}, Source, Options) ->
    _ = changes(Options),
    case extism_manifest:to_native(Source) of
        {ok, Wasm} ->
            Given = extism:options(Options),
            {ok, fun(Tag) -> extism_nif:plugin_new(Tag, Native, Wasm, Given) end};
        {error, _} = Error ->
            Error
    end.

%% The options that count when a plug-in is compiled, and not after that. Without WASI is how `false' asks for none.
too_late(#{wasi := false} = Options) -> too_late(maps:remove(wasi, Options));
too_late(Options) -> maps:keys(maps:remove(config, Options)).

%% The configuration of the options. What is none raises here, before there is a plug-in that lacks it.
changes(Options) -> pairs(maps:get(config, Options, #{})).

%% @private
-spec made(extism_context:context(), extism:options(), result(non_neg_integer())) -> result(plugin()).
made({extism_context, Native}, Options, {ok, Number}) ->
    Plugin = {extism_plugin, Native, Number},
    case configured(Plugin, changes(Options)) of
        ok ->
            {ok, Plugin};
        {error, _} = Error ->
            ok = free(Plugin),
            Error
    end;
made(_Context, _Options, {error, _} = Error) ->
    Error.

configured(_Plugin, []) -> ok;
configured(Plugin, Changes) -> configure(Plugin, Changes).

%% @equiv call(Plugin, Name, <<>>, #{})
-spec call(plugin(), unicode:chardata()) -> result(binary()).
call(Plugin, Name) ->
    call(Plugin, Name, <<>>, #{}).

%% @equiv call(Plugin, Name, Input, #{})
-spec call(plugin(), unicode:chardata(), iodata()) -> result(binary()).
call(Plugin, Name, Input) ->
    call(Plugin, Name, Input, #{}).

%% @doc Calls a function. Options are `timeout', after which the call is stopped and answers `timeout', and
%% `host_context', which host functions find in {@link extism_current_plugin:host_context/1}.
-spec call(plugin(), unicode:chardata(), iodata(), call_options()) -> result(binary()).
call(Plugin, Name, Input, Options) ->
    Begin = start_call(Name, Input),
    Metadata = #{plugin => Plugin, function => Name},
    extism_telemetry:span([extism, call], Metadata, fun() -> extism_call:run(Begin(Plugin), Options) end).

%% @private A call of whichever plug-in it will be. What is no name or no input raises at once.
-spec start_call(unicode:chardata(), iodata()) -> fun((plugin()) -> extism_call:begin_fun()).
start_call(Name, Input) ->
    {Function, Bytes} = {name(Name), iolist_to_binary(Input)},
    fun({extism_plugin, Context, Number}) ->
        fun(Tag) -> extism_nif:plugin_call(Tag, Context, Number, Function, Bytes) end
    end.

%% A name that is no text is left as it is: the library says what it thinks of it.
name(Name) when is_binary(Name) -> Name;
name(Name) -> text(Name).

%% @doc Puts another plug-in in the place of this one. If that fails, the old one stays as it is.
-spec update(plugin(), extism_manifest:source(), boolean() | extism:options()) ->
    ok | {error, extism_call:error()}.
update(Plugin, Source, Wasi) when is_boolean(Wasi) ->
    update(Plugin, Source, #{wasi => Wasi});
update({extism_plugin, Context, Number}, Source, Options) ->
    Changes = changes(Options),
    Update = fun(Tag, Wasm, Given) -> extism_nif:plugin_update(Tag, Context, Number, Wasm, Given, Changes) end,
    extism_call:done(extism:with(Source, Options, Update)).

%% @doc Frees a plug-in; if a call runs, when that is over. Doing so twice is allowed.
-spec free(plugin()) -> ok.
free({extism_plugin, Context, Number}) ->
    ok = only_ok(fun(Tag) -> extism_nif:plugin_free(Tag, Context, Number) end).

%% @doc Whether a function of this name can be called.
-spec has_function(plugin(), unicode:chardata()) -> result(boolean()).
has_function({extism_plugin, Context, Number}, Name) ->
    Function = name(Name),
    extism_call:run(fun(Tag) -> extism_nif:plugin_has_function(Tag, Context, Number, Function) end).

%% @doc Changes configuration values; `undefined' removes one.
-spec config(plugin(), #{unicode:chardata() | atom() => unicode:chardata() | undefined | nil}) ->
    ok | {error, extism_call:error()}.
config(Plugin, Changes) ->
    configure(Plugin, pairs(Changes)).

configure({extism_plugin, Context, Number}, Changes) ->
    only_ok(fun(Tag) -> extism_nif:plugin_configure(Tag, Context, Number, Changes) end).

pairs(Changes) ->
    [{key(Key), value(Value)} || {Key, Value} <- maps:to_list(Changes)].

key(Key) when is_atom(Key) -> atom_to_binary(Key, utf8);
key(Key) -> text(Key).

value(None) when None =:= undefined; None =:= nil; None =:= null -> undefined;
value(Text) -> text(Text).

%% Raises if it is none.
text(Text) -> <<_/binary>> = unicode:characters_to_binary(Text).

%% @doc Stops the call that runs, if one does. From any process.
-spec cancel(plugin()) -> ok | {error, extism_call:error()}.
cancel({extism_plugin, Context, Number}) ->
    extism_call:done(extism_nif:plugin_cancel(Context, Number)).

%% @doc The variables.
-spec vars(plugin()) -> result(#{binary() => binary()}).
vars({extism_plugin, Context, Number}) ->
    case extism_call:run(fun(Tag) -> extism_nif:plugin_vars(Tag, Context, Number) end) of
        {ok, Pairs} -> {ok, maps:from_list(Pairs)};
        {error, _} = Error -> Error
    end.

%% @doc A variable, or `undefined'.
-spec var_get(plugin(), unicode:chardata()) -> result(binary() | undefined).
var_get({extism_plugin, Context, Number}, Name) ->
    Key = unicode:characters_to_binary(Name),
    extism_call:run(fun(Tag) -> extism_nif:plugin_var_get(Tag, Context, Number, Key) end).

%% @doc Sets a variable.
-spec var_set(plugin(), unicode:chardata(), iodata()) -> ok | {error, extism_call:error()}.
var_set(Plugin, Name, Value) ->
    change_vars(Plugin, #{Name => iolist_to_binary(Value)}).

%% @doc Removes a variable.
-spec var_remove(plugin(), unicode:chardata()) -> ok | {error, extism_call:error()}.
var_remove(Plugin, Name) ->
    change_vars(Plugin, #{Name => undefined}).

%% @doc Changes variables; `undefined' removes one.
-spec change_vars(plugin(), #{unicode:chardata() => binary() | undefined}) ->
    ok | {error, extism_call:error()}.
change_vars({extism_plugin, Context, Number}, Changes) ->
    Given = [{unicode:characters_to_binary(Name), Value} || {Name, Value} <- maps:to_list(Changes)],
    only_ok(fun(Tag) -> extism_nif:plugin_change_vars(Tag, Context, Number, Given) end).

%% @doc Overwrites what the last call left in memory.
-spec reset(plugin()) -> ok | {error, extism_call:error()}.
reset({extism_plugin, Context, Number}) ->
    only_ok(fun(Tag) -> extism_nif:plugin_reset(Tag, Context, Number) end).

%% @doc Makes the plug-in as new: a fresh instance, no variables, the configuration of its manifest.
-spec renew(plugin()) -> ok | {error, extism_call:error()}.
renew({extism_plugin, Context, Number}) ->
    only_ok(fun(Tag) -> extism_nif:plugin_renew(Tag, Context, Number) end).

%% @doc Lets the plug-in see the headers of HTTP responses.
-spec allow_http_response_headers(plugin()) -> ok | {error, extism_call:error()}.
allow_http_response_headers({extism_plugin, Context, Number}) ->
    only_ok(fun(Tag) -> extism_nif:plugin_allow_headers(Tag, Context, Number) end).

%% @doc The fuel the last call used; `undefined' if none is counted.
-spec fuel_consumed(plugin()) -> result(non_neg_integer() | undefined).
fuel_consumed({extism_plugin, Context, Number}) ->
    extism_call:run(fun(Tag) -> extism_nif:plugin_fuel(Tag, Context, Number) end).

%% @doc The identity: 16 bytes.
-spec id(plugin()) -> result(binary()).
id({extism_plugin, Context, Number}) ->
    extism_nif:plugin_id(Context, Number).

only_ok(Begin) ->
    extism_call:done(extism_call:run(Begin)).
