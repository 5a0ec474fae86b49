#!/usr/bin/env escript
%% Makes a plug-in, calls it, and sees what happens when that does not work.
-mode(compile).

%% snippet: basic
main(_) ->
    {ok, Plugin} = extism_plugin:new(#{wasm => [#{path => "examples/plugins/count_vowels.wasm"}]}),

    {ok, Output} = extism_plugin:call(Plugin, "count_vowels", "Hello, World!"),
    io:format("~ts~n", [Output]),
    {ok, Next} = extism_plugin:call(Plugin, "count_vowels", "Once more"),
    io:format("~ts~n", [Next]),

    {error, Error} = extism_plugin:call(Plugin, "no_such_function"),
    #{status := Status, code := Code, message := Message} = Error,
    io:format("~p ~b: ~ts~n", [Status, Code, Message]),

    ok = extism_plugin:free(Plugin).
%% end snippet
