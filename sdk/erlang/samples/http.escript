#!/usr/bin/env escript
%% Lets a plug-in make HTTP requests to one host, here a server this program starts, and to no other.
-mode(compile).

main(_) ->
    {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listener),
    spawn_link(fun() -> serve(Listener) end),
    fetch("http://127.0.0.1:" ++ integer_to_list(Port) ++ "/").

%% snippet: http
fetch(Url) ->
    Wasm = [#{path => "examples/plugins/http.wasm"}],
    {ok, Plugin} = extism_plugin:new(#{wasm => Wasm, allowed_hosts => ["127.0.0.1"]}),
    {ok, Body} = extism_plugin:call(Plugin, "fetch", Url),
    io:format("~ts~n", [Body]),

    {error, #{status := Status}} = extism_plugin:call(Plugin, "fetch", "http://example.com/"),
    io:format("~p~n", [Status]).
%% end snippet

serve(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    {ok, _Request} = gen_tcp:recv(Socket, 0),
    Body = "hello from the server",
    ok = gen_tcp:send(Socket, [
        "HTTP/1.1 200 OK\r\ncontent-length: ", integer_to_list(length(Body)), "\r\nconnection: close\r\n\r\n", Body
    ]),
    gen_tcp:close(Socket).
