%% @doc Extism: make your software programmable. What belongs to no plug-in in particular.
%%
%% ```
%% {ok, Plugin} = extism_plugin:new(#{wasm => [#{path => "count_vowels.wasm"}]}),
%% {ok, Output} = extism_plugin:call(Plugin, "count_vowels", "this is a test").
%% '''
-module(extism).

-export([version/0, stats/0, settle/0, set_log_file/2, inspect/1, inspect/2, precompile/1, precompile/2]).
-export([options/1, with/3]).
-export_type([options/0, limits/0, error/0]).

-type error() :: extism_call:error().
-type limits() :: default | untrusted | #{atom() => non_neg_integer() | infinity | default | untrusted}.
%% Limits by their names in docs/limits.md; `base' is what the others are taken from.
-type options() :: #{
    wasi => boolean(),
    functions => [extism_host_function:host_function()],
    config => #{unicode:chardata() => unicode:chardata()},
    limits => limits(),
    fuel => non_neg_integer(),
    fuel_for_start => non_neg_integer(),
    http_response_headers => boolean(),
    log => extism_log:level() | {extism_log:level(), extism_log:target()},
    wasi_args => [unicode:chardata()],
    wasi_env => [{unicode:chardata(), unicode:chardata()}] | #{unicode:chardata() => unicode:chardata()},
    wasi_output => boolean(),
    trust_artefacts => boolean(),
    cache => boolean() | unicode:chardata(),
    rewrite => boolean()
}.

%% @doc The version of the library.
-spec version() -> binary().
version() ->
    unicode:characters_to_binary(extism_nif:version()).

%% @doc How many things are alive in this virtual machine.
-spec stats() -> #{plugins | compiled_plugins | host_functions | calls => non_neg_integer()}.
stats() ->
    {Plugins, Compiled, Functions, Calls} = extism_nif:stats(),
    #{plugins => Plugins, compiled_plugins => Compiled, host_functions => Functions, calls => Calls}.

%% @doc Waits until everything is freed that the garbage collector has found.
-spec settle() -> ok.
settle() ->
    {ok, ok} = extism_call:run(fun extism_nif:settle/1),
    ok.

%% @doc Sends the log of the library to a file, `stderr' or `stdout'; false if that is not possible, or was done
%% before. The filter is a level, or directives as in `"extism=debug"'.
-spec set_log_file(unicode:chardata(), unicode:chardata() | atom()) -> boolean().
set_log_file(Path, Filter) when is_atom(Filter) ->
    set_log_file(Path, atom_to_list(Filter));
set_log_file(Path, Filter) ->
    extism_nif:set_log_file(unicode:characters_to_binary(Path), unicode:characters_to_binary(Filter)).

%% @equiv inspect(Source, #{})
-spec inspect(extism_manifest:source()) -> extism_call:result(binary()).
inspect(Source) ->
    inspect(Source, #{}).

%% @doc Describes a plug-in without running it, as JSON.
-spec inspect(extism_manifest:source(), options()) -> extism_call:result(binary()).
inspect(Source, Options) ->
    with(Source, Options, fun extism_nif:inspect/3).

%% @equiv precompile(Source, #{})
-spec precompile(extism_manifest:source()) -> extism_call:result(binary()).
precompile(Source) ->
    precompile(Source, #{}).

%% @doc Compiles a plug-in of one module ahead of time.
-spec precompile(extism_manifest:source(), options()) -> extism_call:result(binary()).
precompile(Source, Options) ->
    with(Source, Options, fun extism_nif:precompile/3).

%% @private A request about a source with options.
-spec with(extism_manifest:source(), options(), fun((reference(), term(), map()) -> term())) ->
    extism_call:result(term()).
with(Source, Options, Native) ->
    case extism_manifest:to_native(Source) of
        {ok, Wasm} -> extism_call:run(fun(Tag) -> Native(Tag, Wasm, options(Options)) end);
        {error, _} = Error -> Error
    end.

%% @private What the library takes.
-spec options(options()) -> map().
options(Options) ->
    maps:map(fun option/2, maps:without([config], Options)).

option(functions, Functions) -> [extism_host_function:to_native(Function) || Function <- Functions];
option(log, Log) -> extism_log:option(Log);
option(wasi_args, Arguments) -> [unicode:characters_to_binary(Argument) || Argument <- Arguments];
option(wasi_env, Variables) when is_map(Variables) -> option(wasi_env, maps:to_list(Variables));
option(wasi_env, Variables) ->
    [{unicode:characters_to_binary(Name), unicode:characters_to_binary(Value)} || {Name, Value} <- Variables];
option(cache, File) when is_list(File) -> unicode:characters_to_binary(File);
option(_, Value) -> Value.
