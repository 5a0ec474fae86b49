#!/usr/bin/env escript
%% Gives a plug-in functions of the host: here a store it keeps a total in.
-mode(compile).

%% snippet: host_function
main(_) ->
    Store = ets:new(store, [public]),
    Read = extism_host_function:new("kv_read", [bytes], [bytes], fun(Key) ->
        case ets:lookup(Store, Key) of
            [{_, Value}] -> Value;
            [] -> <<>>
        end
    end),
    Write = extism_host_function:new("kv_write", [bytes, bytes], [], fun(Key, Value) ->
        ets:insert(Store, {Key, Value})
    end),

    Manifest = #{wasm => [#{path => "examples/plugins/kv.wasm"}]},
    {ok, Plugin} = extism_plugin:new(Manifest, #{functions => [Read, Write]}),
    {ok, First} = extism_plugin:call(Plugin, "count_vowels", "Hello, World!"),
    {ok, Second} = extism_plugin:call(Plugin, "count_vowels", "Once more"),
    io:format("~ts~n~ts~n~p~n", [First, Second, ets:tab2list(Store)]),
    fails(Manifest, Write).
%% end snippet

fails(Manifest, Write) ->
    Read = extism_host_function:new("kv_read", [bytes], [bytes], fun(Key) -> error({no_such_key, Key}) end),
    {ok, Plugin} = extism_plugin:new(Manifest, #{functions => [Read, Write]}),
    {error, #{status := Status, cause := {error, Reason, _}}} = extism_plugin:call(Plugin, "count_vowels", "Hello"),
    io:format("~p because of ~p~n", [Status, Reason]).
