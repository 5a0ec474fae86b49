%% Guarantees 6 and 7: host functions that fail, do not answer, or are over.
-module(extism_callbacks_tests).

-include_lib("eunit/include/eunit.hrl").

-import(extism_fixture, [passing/1, passing/3, settled/0, error_of/1]).

g06_what_a_host_function_raises_is_the_calls_error_test() ->
    Plugin = passing(fun(Text) -> error(<<"no ", Text/binary>>) end),
    {error, #{status := host_function, code := 420} = Error} = extism_plugin:call(Plugin, "run", "vowels"),
    ?assertMatch({error, <<"no vowels">>, [_ | _]}, maps:get(cause, Error)),
    ?assertNotEqual(nomatch, binary:match(maps:get(message, Error), <<"no vowels">>)),
    {error, Thrown} = extism_plugin:call(passing(fun(_) -> throw(ball) end), "run"),
    ?assertMatch({throw, ball, _}, maps:get(cause, Thrown)),
    {error, Exited} = extism_plugin:call(passing(fun(_) -> exit(gone) end), "run"),
    ?assertMatch({exit, gone, _}, maps:get(cause, Exited)).

g06_results_of_the_wrong_kind_fail_the_call_test() ->
    [
        ?assertEqual(host_function, error_of(extism_plugin:call(passing(fun(_) -> Wrong end), "run")))
     || Wrong <- [undefined, 1, {1, 2}, "text", <<1:3>>]
    ].

g06_a_handler_that_is_dead_is_an_error_test() ->
    {Dead, Monitor} = spawn_monitor(fun() -> ok end),
    receive
        {'DOWN', Monitor, _, _, _} -> ok
    end,
    Same = fun(Text) -> Text end,
    Handlers = [Dead, no_such_process, {global, nobody}],
    [
        ?assertEqual(host_function, error_of(extism_plugin:call(passing(Same, #{handler => Handler}, #{}), "run")))
     || Handler <- Handlers
    ].

g06_a_plugin_that_waits_is_answered_whatever_comes_test() ->
    Wat =
        <<"(module
            (import \"extism:host/user\" \"f\" (func $f (result i32 i32)))
            (func (export \"run\") (call $f) drop drop)
            (func (export \"ok\")))">>,
    Forger = spawn_link(fun Forge() ->
        receive
            {extism_host_call, From, _} -> gen_server:reply(From, nonsense)
        end,
        Forge()
    end),
    Rows = [
        {fun() -> [1 | 2] end, undefined},
        {fun() -> {1, 2, 3} end, undefined},
        {fun() -> error(#{'__exception__' => true}) end, undefined},
        {fun() -> {1, 2} end, "my_server"},
        {fun() -> {1, 2} end, {via, no_such_module, name}},
        {fun() -> {1, 2} end, Forger}
    ],
    {messages, Before} = process_info(self(), messages),
    [
        begin
            Host = extism_host_function:new("f", [], [i32, i32], Function, #{handler => Handler}),
            {ok, Plugin} = extism_plugin:new(Wat, #{functions => [Host]}),
            ?assertEqual(host_function, error_of(extism_plugin:call(Plugin, "run"))),
            ?assertEqual({ok, <<>>}, extism_plugin:call(Plugin, "ok"))
        end
     || {Function, Handler} <- Rows
    ],
    ?assertEqual({messages, Before}, process_info(self(), messages)).

a_handler_that_answers_too_late_leaves_no_message_test() ->
    Self = self(),
    Handler = spawn_link(fun() ->
        receive
            Message ->
                Self ! asked,
                receive
                    answer -> [ok = extism_host_function:answer(Message) || _ <- [1, 2]]
                end,
                Self ! answered
        end
    end),
    Plugin = passing(fun(Text) -> Text end, #{handler => Handler}, #{}),
    ?assertEqual(timeout, error_of(extism_plugin:call(Plugin, "run", "", #{timeout => 200}))),
    receive
        asked -> Handler ! answer
    end,
    receive
        answered -> ok
    end,
    ?assertEqual({messages, []}, process_info(self(), messages)).

a_time_that_is_none_begins_no_call_test() ->
    Plugin = passing(fun(Text) -> Text end),
    {messages, Before} = process_info(self(), messages),
    ?assertError(_, extism_plugin:call(Plugin, "run", "text", #{timeout => soon})),
    ?assertEqual({ok, <<"text">>}, extism_plugin:call(Plugin, "run", "text", #{timeout => 1 bsl 40})),
    ?assertEqual({messages, Before}, process_info(self(), messages)).

a_handler_runs_the_function_test() ->
    Handler = spawn_link(fun() ->
        receive
            Message -> ok = extism_host_function:answer(Message)
        end
    end),
    Plugin = passing(fun(_) -> list_to_binary(pid_to_list(self())) end, #{handler => Handler}, #{}),
    ?assertEqual({ok, list_to_binary(pid_to_list(Handler))}, extism_plugin:call(Plugin, "run")).

a_process_that_is_its_own_handler_does_not_wait_for_itself_test() ->
    true = register(?MODULE, self()),
    [
        begin
            Plugin = passing(fun(Text) -> Text end, #{handler => Handler}, #{}),
            ?assertEqual({ok, <<"text">>}, extism_plugin:call(Plugin, "run", "text", #{timeout => 10000}))
        end
     || Handler <- [self(), ?MODULE]
    ],
    true = unregister(?MODULE),
    ?assertEqual({messages, []}, process_info(self(), messages)).

g07_the_current_plugin_is_dead_after_its_function_test() ->
    Self = self(),
    Plugin = passing(fun(Current, Text) ->
        Self ! {current, Current},
        {ok, Block} = extism_current_plugin:store(Current, "abc"),
        {ok, <<"abc">>} = extism_current_plugin:read(Current, Block),
        {ok, ok} = extism_current_plugin:var_set(Current, "name", <<0, 255>>),
        {ok, <<0, 255>>} = extism_current_plugin:var_get(Current, "name"),
        <<Text/binary, (extism_current_plugin:host_context(Current))/binary>>
    end),
    Options = #{host_context => <<" and context">>},
    ?assertEqual({ok, <<"text and context">>}, extism_plugin:call(Plugin, "run", "text", Options)),
    receive
        {current, Current} ->
            ?assertEqual(closed, error_of(extism_current_plugin:store(Current, "abc"))),
            ?assertEqual(closed, error_of(extism_current_plugin:var_get(Current, "name"))),
            ?assert(extism_current_plugin:must_stop(Current))
    end.

the_death_of_the_caller_ends_a_host_function_test() ->
    Self = self(),
    {Caller, Monitor} = spawn_monitor(fun() ->
        Plugin = passing(fun(_) ->
            Self ! running,
            timer:sleep(infinity)
        end),
        extism_plugin:call(Plugin, "run")
    end),
    receive
        running -> exit(Caller, kill)
    end,
    receive
        {'DOWN', Monitor, _, _, killed} -> ok
    end,
    ?assertEqual(ok, settled()).
