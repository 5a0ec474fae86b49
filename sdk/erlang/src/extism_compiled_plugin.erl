%% @doc Plug-ins compiled once, for any number of instances in any process.
%%
%% Must not know: instances. Invariant: freeing one leaves the plug-ins made from it as they are.
-module(extism_compiled_plugin).

-export([new/1, new/2, has_function/2, free/1]).
-export_type([compiled_plugin/0]).

-type compiled_plugin() :: {extism_compiled_plugin, reference()}.

%% @equiv new(Source, #{})
-spec new(extism_manifest:source()) -> extism_call:result(compiled_plugin()).
new(Source) ->
    new(Source, #{}).

%% @doc Compiles a plug-in. The options may be a boolean: whether it may use WASI.
-spec new(extism_manifest:source(), boolean() | extism:options()) ->
    extism_call:result(compiled_plugin()).
new(Source, Wasi) when is_boolean(Wasi) ->
    new(Source, #{wasi => Wasi});
new(Source, Options) ->
    case extism:with(Source, Options, fun extism_nif:compile/3) of
        {ok, Native} -> {ok, {extism_compiled_plugin, Native}};
        {error, _} = Error -> Error
    end.

%% @doc Whether an instance could be asked for a function of this name.
-spec has_function(compiled_plugin(), unicode:chardata()) -> extism_call:result(boolean()).
has_function({extism_compiled_plugin, Native}, Name) ->
    extism_nif:compiled_has_function(Native, unicode:characters_to_binary(Name)).

%% @doc Frees one. Doing so twice is allowed.
-spec free(compiled_plugin()) -> ok.
free({extism_compiled_plugin, Native}) ->
    {ok, ok} = extism_call:run(fun(Tag) -> extism_nif:compiled_free(Tag, Native) end),
    ok.
