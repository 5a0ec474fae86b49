%% Plug-ins and host functions for the tests.
-module(extism_fixture).

-export([root/0, count_vowels/0, wat/1, passing/1, passing/3, runs/0, alive/0, settled/0, error_of/1]).

root() ->
    filename:absname(filename:join(filename:dirname(?FILE), "../../..")).

count_vowels() ->
    #{wasm => [#{path => filename:join(root(), "examples/plugins/count_vowels.wasm")}]}.

wat(Name) ->
    #{wasm => [#{path => filename:join([root(), "fixtures/wat", Name ++ ".wat"])}]}.

%% A plug-in whose `run' hands its input to a function and puts out what that gives.
passing(Function) ->
    passing(Function, #{}, #{}).

passing(Function, FunctionOptions, Options) ->
    Wat =
        <<"(module
            (import \"extism:host/user\" \"f\" (func $f (param i64) (result i64)))
            (import \"extism:host/env\" \"input_offset\" (func $input (result i64)))
            (import \"extism:host/env\" \"length\" (func $length (param i64) (result i64)))
            (import \"extism:host/env\" \"output_set\" (func $output (param i64 i64)))
            (func (export \"run\") (local $block i64)
              (local.set $block (call $f (call $input)))
              (call $output (local.get $block) (call $length (local.get $block)))))">>,
    Host = extism_host_function:new("f", [bytes], [bytes], Function, FunctionOptions),
    {ok, Plugin} = extism_plugin:new(Wat, Options#{functions => [Host]}),
    Plugin.

%% A source whose `run' sends `runs' to this process and never ends, and its options.
runs() ->
    Self = self(),
    Wat =
        <<"(module
            (import \"extism:host/user\" \"f\" (func $f))
            (func (export \"run\") (call $f) (loop $again (br $again)))
            (func (export \"ok\")))">>,
    {Wat, #{functions => [extism_host_function:new("f", [], [], fun() -> Self ! runs end)]}}.

alive() ->
    [erlang:garbage_collect(Process) || Process <- processes()],
    ok = extism:settle(),
    #{plugins := Plugins, compiled_plugins := Compiled, host_functions := Functions} = extism:stats(),
    {Plugins, Compiled, Functions}.

%% Waits until nothing is alive; the last count if that does not happen within ten seconds.
settled() ->
    settled(erlang:monotonic_time(millisecond) + 10000).

settled(Deadline) ->
    case {alive(), erlang:monotonic_time(millisecond) > Deadline} of
        {{0, 0, 0}, _} ->
            ok;
        {Counts, true} ->
            Counts;
        _ ->
            timer:sleep(5),
            settled(Deadline)
    end.

%% What went wrong.
error_of({error, #{status := Status}}) -> Status;
error_of(Other) -> {no_error, Other}.
