%% The closing line of a Common Test run, which every runner of the project ends with.
-module(extism_cth).

-export([id/1, init/2, post_end_per_testcase/5, on_tc_skip/4, on_tc_fail/4, terminate/1]).

-record(counts, {passed = 0, failed = 0, skipped = 0}).

id(_Options) -> ?MODULE.

init(_Id, _Options) -> {ok, #counts{}}.

post_end_per_testcase(_Suite, _Case, _Config, ok, Counts) ->
    {ok, Counts#counts{passed = Counts#counts.passed + 1}};
post_end_per_testcase(_Suite, _Case, _Config, Result, Counts) ->
    {Result, Counts}.

on_tc_fail(_Suite, Case, Reason, Counts) ->
    io:format(user, "~nFAILED ~tp~n~tp~n", [Case, Reason]),
    Counts#counts{failed = Counts#counts.failed + 1}.

on_tc_skip(_Suite, _Case, _Reason, Counts) ->
    Counts#counts{skipped = Counts#counts.skipped + 1}.

terminate(#counts{passed = Passed, failed = Failed, skipped = Skipped}) ->
    io:format(user, "~n~b passed, ~b failed, ~b skipped~n", [Passed, Failed, Skipped]).
