#!/usr/bin/env escript
%% Configures a plug-in, and reads and changes the variables it keeps between calls.
-mode(compile).

%% snippet: config_and_vars
main(_) ->
    Wasm = [#{path => "examples/plugins/count_vowels.wasm"}],
    {ok, Plugin} = extism_plugin:new(#{wasm => Wasm, config => #{vowels => "aeiouy"}}),
    show(extism_plugin:call(Plugin, "count_vowels", "Why, yes")),

    ok = extism_plugin:config(Plugin, #{vowels => undefined}),
    show(extism_plugin:call(Plugin, "count_vowels", "Why, yes")),

    {ok, <<Total:32/little>>} = extism_plugin:var_get(Plugin, "total"),
    io:format("total: ~b~n", [Total]),
    ok = extism_plugin:var_set(Plugin, "total", <<100:32/little>>),
    show(extism_plugin:call(Plugin, "count_vowels", "Why, yes")),
    ok = extism_plugin:var_remove(Plugin, "total"),
    io:format("~p~n", [extism_plugin:vars(Plugin)]).

show({ok, Output}) -> io:format("~ts~n", [Output]).
%% end snippet
