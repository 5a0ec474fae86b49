%% @doc Pools: a bounded number of plug-ins that processes borrow.
%%
%% From one borrower to the next a plug-in keeps its memory and the variables it set itself; what a borrower
%% changed through the host (configuration, variables, log sink, headers of responses) is undone: it is made
%% anew, as after a trap.
%%
%% What is borrowed is an ordinary plug-in: freeing it gives it back, and so does the death of everybody who
%% knows it.
%%
%% Must not know: processes. Invariant: no two borrowers have the same plug-in.
-module(extism_pool).

-export([new/1, new/2, get/1, get/2, with/2, with/3, stats/1, free/1]).
-export_type([pool/0]).

-type pool() :: {extism_pool, reference()}.

%% How long a borrower waits that does not say.
-define(WAIT_MS, 5000).

%% @equiv new(Compiled, 0)
-spec new(extism_compiled_plugin:compiled_plugin()) -> extism_call:result(pool()).
new(Compiled) ->
    new(Compiled, 0).

%% @doc An empty pool of so many plug-ins at most; 0 leaves it to the library.
-spec new(extism_compiled_plugin:compiled_plugin(), non_neg_integer()) -> extism_call:result(pool()).
new({extism_compiled_plugin, Native}, InstancesMax) ->
    case extism_nif:pool_new(Native, InstancesMax) of
        {ok, Pool} -> {ok, {extism_pool, Pool}};
        {error, _} = Error -> Error
    end.

%% @doc As {@link get/2}, waiting for five seconds at most.
-spec get(pool()) -> extism_call:result(extism_plugin:plugin()).
get(Pool) ->
    get(Pool, ?WAIT_MS).

%% @doc Borrows a plug-in; after so many milliseconds the answer is `wait_timeout'.
-spec get(pool(), timeout()) -> extism_call:result(extism_plugin:plugin()).
get(Pool, infinity) ->
    get(Pool, 1 bsl 50);
get({extism_pool, Native}, Timeout) ->
    Context = extism_nif:context_new(true),
    case extism_call:run(fun(Tag) -> extism_nif:pool_get(Tag, Native, Context, Timeout) end) of
        {ok, Number} -> {ok, {extism_plugin, Context, Number}};
        {error, _} = Error -> Error
    end.

%% @doc As {@link with/3}, waiting for as long as {@link get/1}.
-spec with(pool(), fun((extism_plugin:plugin()) -> Answer)) -> Answer | {error, extism_call:error()}.
with(Pool, Use) ->
    with(Pool, ?WAIT_MS, Use).

%% @doc Borrows a plug-in for as long as a function takes.
-spec with(pool(), timeout(), fun((extism_plugin:plugin()) -> Answer)) ->
    Answer | {error, extism_call:error()}.
with(Pool, Timeout, Use) ->
    case get(Pool, Timeout) of
        {ok, Plugin} ->
            try
                Use(Plugin)
            after
                extism_plugin:free(Plugin)
            end;
        {error, _} = Error ->
            Error
    end.

%% @doc What the pool is doing.
-spec stats(pool()) ->
    extism_call:result(#{instances_max | alive | idle | waiting | made | replaced => non_neg_integer()}).
stats({extism_pool, Native}) ->
    case extism_nif:pool_stats(Native) of
        {ok, Numbers} ->
            Names = [instances_max, alive, idle, waiting, made, replaced],
            {ok, maps:from_list(lists:zip(Names, tuple_to_list(Numbers)))};
        {error, _} = Error ->
            Error
    end.

%% @doc Frees a pool; what is borrowed lives on. Doing so twice is allowed.
-spec free(pool()) -> ok.
free({extism_pool, Native}) ->
    {ok, ok} = extism_call:run(fun(Tag) -> extism_nif:pool_free(Tag, Native) end),
    ok.
