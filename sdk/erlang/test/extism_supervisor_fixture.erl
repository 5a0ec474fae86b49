%% A supervisor of the children it is given.
-module(extism_supervisor_fixture).

-behaviour(supervisor).

-export([init/1]).

init(Children) -> {ok, {#{strategy => one_for_one}, Children}}.
