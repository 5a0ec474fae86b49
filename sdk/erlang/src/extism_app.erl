%% @private The application: a supervisor of one process, which keeps what servers want to find again.
-module(extism_app).

-behaviour(application).

-export([start/2, stop/1]).

-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Arguments) ->
    extism_sup:start_link().

-spec stop(term()) -> ok.
stop(_State) ->
    ok.
