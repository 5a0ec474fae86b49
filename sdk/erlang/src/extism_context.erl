%% @doc Contexts: arenas that own plug-ins. Freeing a context frees its plug-ins; so does losing it.
%%
%% Must not know: what plug-ins do. Invariant: a number is given to one plug-in only.
-module(extism_context).

-export([new/0, new_plugin/2, new_plugin/3, reset/1, free/1]).
-export_type([context/0]).

-type context() :: {extism_context, reference()}.

%% @doc An empty context.
-spec new() -> context().
new() ->
    {extism_context, extism_nif:context_new(false)}.

%% @equiv new_plugin(Context, Source, #{})
-spec new_plugin(context(), extism_manifest:source() | extism_compiled_plugin:compiled_plugin()) ->
    extism_call:result(extism_plugin:plugin()).
new_plugin(Context, Source) ->
    new_plugin(Context, Source, #{}).

%% @doc Makes a plug-in in a context. The options may be a boolean: whether it may use WASI.
-spec new_plugin(
    context(),
    extism_manifest:source() | extism_compiled_plugin:compiled_plugin(),
    boolean() | extism:options()
) -> extism_call:result(extism_plugin:plugin()).
new_plugin(Context, Source, Wasi) when is_boolean(Wasi) ->
    new_plugin(Context, Source, #{wasi => Wasi});
new_plugin({extism_context, _} = Context, Source, Options) ->
    case extism_plugin:start_new(Context, Source, Options) of
        {ok, Begin} -> extism_plugin:made(Context, Options, extism_call:run(Begin));
        {error, _} = Error -> Error
    end.

%% @doc Frees all plug-ins of a context.
-spec reset(context()) -> ok | {error, extism_call:error()}.
reset(Context) ->
    clear(Context, false).

%% @doc Frees a context and its plug-ins. Doing so twice is allowed.
-spec free(context()) -> ok.
free(Context) ->
    ok = clear(Context, true).

clear({extism_context, Native}, Close) ->
    extism_call:done(extism_call:run(fun(Tag) -> extism_nif:context_reset(Tag, Native, Close) end)).
