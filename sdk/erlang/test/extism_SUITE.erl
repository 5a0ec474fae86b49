%% The application as a whole: its supervisor, nodes of a cluster, a node that ends, code that is loaded again.
-module(extism_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([suite/0, all/0, init_per_suite/1, end_per_suite/1]).
-export([
    the_application_starts_and_stops/1,
    a_supervisor_restarts_a_plugin/1,
    a_plugin_is_called_from_another_node/1,
    a_plugin_on_another_node_is_called/1,
    a_node_ends_while_calls_run/1,
    a_node_that_is_lost_takes_its_calls_with_it/1,
    a_new_version_of_the_module_is_refused_while_the_old_one_is_used/1,
    the_module_is_loaded_again/1
]).

-import(extism_fixture, [count_vowels/0, wat/1]).

suite() -> [{timetrap, {seconds, 60}}].

all() ->
    [
        the_application_starts_and_stops,
        a_supervisor_restarts_a_plugin,
        a_plugin_is_called_from_another_node,
        a_plugin_on_another_node_is_called,
        a_node_ends_while_calls_run,
        a_node_that_is_lost_takes_its_calls_with_it,
        a_new_version_of_the_module_is_refused_while_the_old_one_is_used,
        the_module_is_loaded_again
    ].

%% The name server of nodes may not run yet; only this machine is meant.
init_per_suite(Config) ->
    _ = os:cmd("epmd -daemon -address 127.0.0.1"),
    Name = list_to_atom("extism_ct_" ++ os:getpid() ++ "@127.0.0.1"),
    _ = [{ok, _} = net_kernel:start(Name, #{name_domain => longnames}) || not is_alive()],
    {ok, _} = application:ensure_all_started(extism),
    Config.

end_per_suite(_Config) ->
    ok = net_kernel:stop(),
    ok = application:stop(extism).

%% A node with this package and its tests.
start_node(Name) ->
    Path = lists:append([["-pa", Folder] || Folder <- code:get_path(), filename:basename(Folder) =/= "."]),
    Options = #{
        name => list_to_atom(Name ++ "_" ++ os:getpid()),
        host => "127.0.0.1",
        longnames => true,
        args => Path,
        wait_boot => 30000
    },
    {ok, Peer, Node} = peer:start(Options),
    {ok, _} = erpc:call(Node, application, ensure_all_started, [extism]),
    {Peer, Node}.

the_application_starts_and_stops(_Config) ->
    ok = application:stop(extism),
    ?assertEqual(undefined, whereis(extism_sup)),
    % Plug-ins need no application; only what outlives a server does.
    {ok, Plugin} = extism_plugin:new(count_vowels()),
    ok = extism_plugin:free(Plugin),
    {ok, [extism]} = application:ensure_all_started(extism),
    ?assert(is_pid(whereis(extism_sup))).

a_supervisor_restarts_a_plugin(_Config) ->
    Options = #{source => count_vowels(), name => supervised, keep_vars => {?MODULE, supervised}},
    Children = [extism_plugin_server:child_spec(Options)],
    {ok, Supervisor} = supervisor:start_link(extism_supervisor_fixture, Children),
    true = unlink(Supervisor),
    {ok, _} = extism_plugin_server:call(supervised, "count_vowels", "aa"),
    Old = whereis(supervised),
    exit(Old, kill),
    ok = until(fun() -> lists:member(whereis(supervised), [undefined, Old]) =:= false end),
    {ok, Output} = extism_plugin_server:call(supervised, "count_vowels", "a"),
    ?assertNotEqual(nomatch, binary:match(Output, <<"\"total\":3">>)),
    ok = gen_server:stop(Supervisor).

a_plugin_is_called_from_another_node(_Config) ->
    {Peer, Node} = start_node("caller"),
    {ok, Server} = extism_plugin_server:start_link(#{source => wat("echo")}),
    ?assertEqual({ok, <<"afar">>}, erpc:call(Node, extism_plugin_server, call, [Server, "echo", "afar"])),
    ?assertEqual({ok, <<"near">>}, extism_plugin_server:call(Server, "echo", "near")),
    ok = gen_server:stop(Server),
    ok = peer:stop(Peer).

a_plugin_on_another_node_is_called(_Config) ->
    {Peer, Node} = start_node("owner"),
    {ok, Server} = erpc:call(Node, gen_server, start, [extism_plugin_server, #{source => count_vowels()}, []]),
    ?assertEqual(Node, node(Server)),
    {ok, <<"{\"count\":4,", _/binary>>} = extism_plugin_server:call(Server, "count_vowels", "this is a test"),
    {ok, _} = extism_plugin_server:reload(Server, count_vowels(), #{}),
    ?assertMatch({ok, #{<<"total">> := <<4:32/little>>}}, gen_server:call(Server, {vars})),
    % A plug-in itself belongs to its node: elsewhere its reference is none.
    {ok, Plugin} = gen_server:call(Server, {new, count_vowels(), false}),
    ?assertError(badarg, extism_plugin:call(Plugin, "count_vowels", "a")),
    ok = peer:stop(Peer).

a_node_ends_while_calls_run(_Config) ->
    {Peer, Node} = start_node("ending"),
    ok = loop_on(Node),
    true = erlang:monitor_node(Node, true),
    ok = erpc:call(Node, init, stop, []),
    receive
        {nodedown, Node} -> ok
    after 20000 -> ct:fail("the node does not end")
    end,
    _ = (catch peer:stop(Peer)),
    ok.

a_node_that_is_lost_takes_its_calls_with_it(_Config) ->
    {Peer, Node} = start_node("lost"),
    {ok, Server} = extism_plugin_server:start_link(#{source => wat("spin")}),
    _ = erpc:send_request(Node, extism_plugin_server, call, [Server, "spin", "", #{timeout => infinity}]),
    ok = until(fun() -> maps:get(calls, extism:stats()) > 0 end),
    ok = peer:stop(Peer),
    % The call of the node that is gone is stopped, and the next one's turn comes.
    ?assertEqual({ok, <<>>}, extism_plugin_server:call(Server, "ok", "", #{timeout => 20000})),
    ok = gen_server:stop(Server).

a_new_version_of_the_module_is_refused_while_the_old_one_is_used(_Config) ->
    {Peer, Node} = start_node("upgraded"),
    ok = loop_on(Node),
    {extism_nif, Binary, File} = code:get_object_code(extism_nif),
    % The library has no upgrade: the module that is there stays, and so do its plug-ins.
    _ = erpc:call(Node, code, purge, [extism_nif]),
    ?assertMatch({error, on_load_failure}, erpc:call(Node, code, load_binary, [extism_nif, File, Binary])),
    ?assertEqual(extism:version(), erpc:call(Node, extism, version, [])),
    ok = peer:stop(Peer).

the_module_is_loaded_again(_Config) ->
    {Peer, Node} = start_node("reloaded"),
    ok = loop_on(Node),
    _ = erpc:call(Node, code, purge, [extism_nif]),
    true = erpc:call(Node, code, delete, [extism_nif]),
    _ = erpc:call(Node, code, purge, [extism_nif]),
    ?assertEqual(extism:version(), erpc:call(Node, extism, version, [])),
    Echo = fun() ->
        {ok, Plugin} = extism_plugin:new(wat("echo")),
        extism_plugin:call(Plugin, "echo", "again")
    end,
    ?assertEqual({ok, <<"again">>}, erpc:call(Node, Echo)),
    ok = peer:stop(Peer).

%% Plug-ins that loop on a node for ever.
loop_on(Node) ->
    _ = [
        erpc:cast(Node, fun() ->
            {ok, Plugin} = extism_plugin:new(wat("spin")),
            extism_plugin:call(Plugin, "spin")
        end)
     || _ <- lists:seq(1, 4)
    ],
    until(fun() -> maps:get(plugins, erpc:call(Node, extism, stats, [])) >= 4 end).

until(Condition) -> until(Condition, 2000).

until(_Condition, 0) ->
    {error, timeout};
until(Condition, Left) ->
    case Condition() of
        true ->
            ok;
        false ->
            timer:sleep(5),
            until(Condition, Left - 1)
    end.
