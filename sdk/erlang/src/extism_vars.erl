%% @private Variables of plug-ins that outlive the server that had the plug-in.
%%
%% Must not know: servers. Invariant: what is kept under a key is there until it is forgotten.
-module(extism_vars).

-behaviour(gen_server).

-export([start_link/0, keep/2, find/1, forget/1]).
-export([init/1, handle_call/3, handle_cast/2]).

-spec start_link() -> {ok, pid()} | {error, term()} | ignore.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

-spec keep(term(), #{binary() => binary()}) -> ok.
keep(Key, Vars) ->
    true = ets:insert(?MODULE, {Key, Vars}),
    ok.

-spec find(term()) -> #{binary() => binary()} | undefined.
find(Key) ->
    case ets:lookup(?MODULE, Key) of
        [{_, Vars}] -> Vars;
        [] -> undefined
    end.

-spec forget(term()) -> ok.
forget(Key) ->
    true = ets:delete(?MODULE, Key),
    ok.

-spec init([]) -> {ok, []}.
init([]) ->
    ?MODULE = ets:new(?MODULE, [named_table, public, {read_concurrency, true}]),
    {ok, []}.

-spec handle_call(term(), gen_server:from(), []) -> {reply, {error, unknown}, []}.
handle_call(_Request, _From, State) ->
    {reply, {error, unknown}, State}.

-spec handle_cast(term(), []) -> {noreply, []}.
handle_cast(_Message, State) ->
    {noreply, State}.
