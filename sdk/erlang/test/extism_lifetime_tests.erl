%% Guarantees 1 to 5: objects that are closed, closed twice, forgotten, or whose parents are gone.
-module(extism_lifetime_tests).

-include_lib("eunit/include/eunit.hrl").

-import(extism_fixture, [count_vowels/0, wat/1, passing/1, alive/0, settled/0, error_of/1]).

all_test_() ->
    {timeout, 120, [
        fun g01_a_closed_object_says_that_it_is_closed/0,
        fun g02_closing_twice_is_harmless/0,
        {timeout, 60, fun g03_what_is_forgotten_is_freed/0},
        fun g04_children_keep_their_parents/0,
        fun a_compiled_plugin_takes_nothing_but_config/0,
        fun an_update_that_fails_changes_nothing/0,
        {timeout, 60, fun an_update_is_one_step_to_those_who_call/0},
        fun a_configuration_that_is_none_makes_nothing/0,
        fun g05_host_functions_live_as_long_as_their_plugin/0,
        fun g05_a_refused_plugin_releases_its_host_functions/0,
        {timeout, 120, fun a_thousand_kills_leave_nothing/0}
    ]}.

g01_a_closed_object_says_that_it_is_closed() ->
    {ok, Compiled} = extism_compiled_plugin:new(count_vowels()),
    {ok, Pool} = extism_pool:new(Compiled, 1),
    {ok, Plugin} = extism_plugin:new(Compiled),
    Context = extism_context:new(),
    {ok, Inner} = extism_context:new_plugin(Context, Compiled),
    ok = extism_plugin:free(Plugin),
    ok = extism_context:free(Context),
    ok = extism_pool:free(Pool),
    ok = extism_compiled_plugin:free(Compiled),
    Uses = [
        extism_plugin:call(Plugin, "count_vowels"),
        extism_plugin:has_function(Plugin, "count_vowels"),
        extism_plugin:config(Plugin, #{}),
        extism_plugin:cancel(Plugin),
        extism_plugin:vars(Plugin),
        extism_plugin:var_get(Plugin, "a"),
        extism_plugin:var_set(Plugin, "a", "b"),
        extism_plugin:var_remove(Plugin, "a"),
        extism_plugin:reset(Plugin),
        extism_plugin:renew(Plugin),
        extism_plugin:id(Plugin),
        extism_plugin:fuel_consumed(Plugin),
        extism_plugin:update(Plugin, count_vowels(), false),
        extism_plugin:call(Inner, "count_vowels"),
        extism_context:new_plugin(Context, count_vowels()),
        extism_context:reset(Context),
        extism_plugin:new(Compiled),
        extism_compiled_plugin:has_function(Compiled, "count_vowels"),
        extism_pool:new(Compiled),
        extism_pool:get(Pool),
        extism_pool:stats(Pool)
    ],
    [?assertEqual(closed, error_of(Use)) || Use <- Uses].

g02_closing_twice_is_harmless() ->
    {ok, Compiled} = extism_compiled_plugin:new(count_vowels()),
    {ok, Plugin} = extism_plugin:new(Compiled),
    Context = extism_context:new(),
    [
        begin
            ok = extism_plugin:free(Plugin),
            ok = extism_context:free(Context),
            ok = extism_compiled_plugin:free(Compiled)
        end
     || _ <- [1, 2]
    ],
    ?assertEqual(ok, settled()).

g03_what_is_forgotten_is_freed() ->
    {ok, Compiled} = extism_compiled_plugin:new(count_vowels()),
    [{ok, _} = extism_plugin:new(Compiled) || _ <- lists:seq(1, 500)],
    ok = extism_compiled_plugin:free(Compiled),
    ?assertEqual(ok, settled()).

g04_children_keep_their_parents() ->
    {ok, Compiled} = extism_compiled_plugin:new(count_vowels()),
    {ok, Pool} = extism_pool:new(Compiled, 1),
    {ok, Lent} = extism_pool:get(Pool),
    ok = extism_pool:free(Pool),
    ok = extism_compiled_plugin:free(Compiled),
    ?assertMatch({ok, <<"{\"count\":3,", _/binary>>}, extism_plugin:call(Lent, "count_vowels", "aei")),
    ok = extism_plugin:free(Lent),
    ?assertEqual(ok, settled()).

a_compiled_plugin_takes_nothing_but_config() ->
    {ok, Compiled} = extism_compiled_plugin:new(count_vowels()),
    Context = extism_context:new(),
    {ok, Server} = extism_plugin_server:start_link(#{}),
    Makes = [
        fun(Options) -> extism_plugin:new(Compiled, Options) end,
        fun(Options) -> extism_context:new_plugin(Context, Compiled, Options) end,
        fun(Options) -> extism_plugin_server:new(Server, Compiled, Options) end
    ],
    Late = [true, #{wasi => true}, #{functions => []}, #{limits => untrusted}, #{fuel => 1, config => #{}}],
    [?assertEqual(invalid_argument, error_of(Make(Options))) || Make <- Makes, Options <- Late],
    [?assertMatch({ok, _}, Make(Options)) || Make <- Makes, Options <- [false, #{}, #{config => #{a => "b"}}]],
    ok = gen_server:stop(Server),
    ok = extism_context:free(Context),
    ok = extism_compiled_plugin:free(Compiled),
    ?assertEqual(ok, settled()).

an_update_that_fails_changes_nothing() ->
    {ok, Compiled} = extism_compiled_plugin:new(configured()),
    {ok, Plugin} = extism_plugin:new(Compiled, #{config => #{key => "old"}}),
    Changes = #{config => #{key => "new"}},
    ?assertMatch({error, _}, extism_plugin:update(Plugin, <<"(module (not a module))">>, Changes)),
    ?assertEqual({ok, <<"old">>}, extism_plugin:call(Plugin, "run")),
    ok = extism_plugin:update(Plugin, configured(), Changes),
    ?assertEqual({ok, <<"new">>}, extism_plugin:call(Plugin, "run")),
    ok = extism_plugin:free(Plugin),
    ok = extism_compiled_plugin:free(Compiled).

an_update_is_one_step_to_those_who_call() ->
    {ok, Plugin} = extism_plugin:new(configured(), #{config => #{key => "old"}}),
    Self = self(),
    Call = fun Again(Answers) ->
        Answer =
            case extism_plugin:call(Plugin, "run") of
                {ok, Key} -> Key;
                Error -> error_of(Error)
            end,
        receive
            stop -> Self ! {answers, [Answer | Answers]}
        after 0 -> Again(lists:usort([Answer | Answers]))
        end
    end,
    Callers = [spawn_link(fun() -> Call([]) end) || _ <- lists:seq(1, 8)],
    Update = fun(_) -> extism_plugin:update(Plugin, configured(), #{config => #{key => "new"}}) end,
    ?assertEqual([ok], lists:usort(lists:map(Update, lists:seq(1, 2000)))),
    [Caller ! stop || Caller <- Callers],
    Answers = [
        receive
            {answers, Each} -> Each
        end
     || _ <- Callers
    ],
    ?assertEqual([], lists:usort(lists:append(Answers)) -- [<<"new">>, <<"old">>, busy]),
    ok = extism_plugin:free(Plugin).

a_configuration_that_is_none_makes_nothing() ->
    {ok, Compiled} = extism_compiled_plugin:new(configured()),
    {ok, Plugin} = extism_plugin:new(Compiled, #{config => #{key => "old"}}),
    Context = extism_context:new(),
    Wrong = [5, #{key => 5}, #{key => <<255>>}, #{5 => "value"}, #{key => true}],
    [
        begin
            ?assertError(_, extism_context:new_plugin(Context, Source, #{config => Config})),
            ?assertMatch({1, _, _}, alive())
        end
     || Config <- Wrong, Source <- [configured(), Compiled]
    ],
    [?assertError(_, extism_plugin:update(Plugin, configured(), #{config => Config})) || Config <- Wrong],
    [?assertError(_, extism_plugin:config(Plugin, Config)) || Config <- Wrong],
    ?assertEqual({ok, <<"old">>}, extism_plugin:call(Plugin, "run")),
    ok = extism_plugin:free(Plugin),
    ok = extism_context:free(Context),
    ok = extism_compiled_plugin:free(Compiled),
    ?assertEqual(ok, settled()).

%% A plug-in that puts out the value of `key'.
configured() ->
    <<"(module
        (import \"extism:host/env\" \"alloc\" (func $alloc (param i64) (result i64)))
        (import \"extism:host/env\" \"length\" (func $length (param i64) (result i64)))
        (import \"extism:host/env\" \"store_u8\" (func $store (param i64 i32)))
        (import \"extism:host/env\" \"config_get\" (func $config (param i64) (result i64)))
        (import \"extism:host/env\" \"output_set\" (func $output (param i64 i64)))
        (func (export \"run\") (local $name i64) (local $value i64)
          (local.set $name (call $alloc (i64.const 3)))
          (call $store (local.get $name) (i32.const 107))
          (call $store (i64.add (local.get $name) (i64.const 1)) (i32.const 101))
          (call $store (i64.add (local.get $name) (i64.const 2)) (i32.const 121))
          (local.set $value (call $config (local.get $name)))
          (call $output (local.get $value) (call $length (local.get $value)))))">>.

g05_host_functions_live_as_long_as_their_plugin() ->
    Text = binary:copy(<<"kept ">>, 100),
    Plugin = passing(fun(_) -> Text end),
    [
        begin
            erlang:garbage_collect(),
            ?assertEqual({ok, Text}, extism_plugin:call(Plugin, "run"))
        end
     || _ <- lists:seq(1, 50)
    ],
    ok = extism_plugin:free(Plugin),
    ?assertEqual(ok, settled()).

g05_a_refused_plugin_releases_its_host_functions() ->
    Function = extism_host_function:new("f", [bytes], [bytes], fun(Text) -> Text end),
    ?assertEqual(manifest_syntax, error_of(extism_plugin:new(<<"no module">>, #{functions => [Function]}))),
    ?assertEqual(ok, settled()).

a_thousand_kills_leave_nothing() ->
    {ok, Compiled} = extism_compiled_plugin:new(wat("spin")),
    Self = self(),
    Work = fun() ->
        {ok, Plugin} = extism_plugin:new(Compiled),
        Self ! {begins, self()},
        extism_plugin:call(Plugin, "spin")
    end,
    [
        begin
            Processes = [spawn_monitor(Work) || _ <- lists:seq(1, 50)],
            [
                receive
                    {begins, Process} -> exit(Process, kill)
                end
             || {Process, _} <- Processes
            ],
            [
                receive
                    {'DOWN', Monitor, _, _, killed} -> ok
                end
             || {_, Monitor} <- Processes
            ]
        end
     || _ <- lists:seq(1, 20)
    ],
    ok = extism_compiled_plugin:free(Compiled),
    ?assertEqual(ok, settled()).
