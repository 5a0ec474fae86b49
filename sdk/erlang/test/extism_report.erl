%% The line that every runner of the project ends with.
-module(extism_report).

-behaviour(eunit_listener).

-export([start/0, start/1]).
-export([init/1, handle_begin/3, handle_end/3, handle_cancel/3, terminate/2]).

start() -> start([]).
start(Options) -> eunit_listener:start(?MODULE, Options).

init(_Options) -> [].

handle_begin(_Kind, _Data, State) -> State.

handle_end(test, Data, State) ->
    case proplists:get_value(status, Data) of
        ok -> ok;
        Status -> io:format("~nFAILED ~tp~n~tp~n", [proplists:get_value(source, Data), Status])
    end,
    State;
handle_end(_Kind, _Data, State) ->
    State.

handle_cancel(_Kind, Data, State) ->
    io:format("~nCANCELLED ~tp~n", [Data]),
    State.

terminate({ok, Data}, _State) ->
    [Passed, Failed, Skipped, Cancelled] = [proplists:get_value(Key, Data, 0) || Key <- [pass, fail, skip, cancel]],
    io:format("~b passed, ~b failed, ~b skipped~n", [Passed, Failed + Cancelled, Skipped]);
terminate(Reason, _State) ->
    io:format("0 passed, 1 failed, 0 skipped~n~tp~n", [Reason]).
