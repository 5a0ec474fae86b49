#!/usr/bin/env escript
%% Puts the native library into `priv`: the file that the variable EXTISM_NIF names, or the one that is there, or
%% one built from the sources of the project with `cargo`.

-define(LIBRARY, "libextism_nif.so").

main(_) ->
    Folder = filename:dirname(filename:absname(escript:script_name())),
    Target = filename:join([Folder, "priv", ?LIBRARY]),
    Root = filename:join(Folder, "../.."),
    Cargo = filelib:is_file(filename:join(Root, "crates/extism-nif/Cargo.toml")),
    case {os:getenv("EXTISM_NIF", ""), filelib:is_file(Target)} of
        {"", true} -> ok;
        {"", false} when Cargo -> build(Root, Target);
        {"", false} -> fail("there is no ~ts; set EXTISM_NIF to the path of the library", [Target]);
        {Given, _} -> put_library(filename:absname(Given), Target)
    end.

build(Root, Target) ->
    io:format("Building the native library of Extism; the first time takes a few minutes~n"),
    Cargo = os:find_executable("cargo"),
    _ = [fail("there is no cargo: install Rust, or set EXTISM_NIF to the path of the library", []) || Cargo =:= false],
    Arguments = ["build", "--release", "--package", "extism-nif"],
    Port = open_port({spawn_executable, Cargo}, [{args, Arguments}, {cd, Root}, exit_status, stderr_to_stdout, binary]),
    ok = follow(Port),
    Name =
        case os:type() of
            {unix, darwin} -> "libextism_nif.dylib";
            _ -> ?LIBRARY
        end,
    Folder = filename:absname(os:getenv("CARGO_TARGET_DIR", "target"), Root),
    put_library(filename:join([Folder, "release", Name]), Target).

follow(Port) ->
    receive
        {Port, {data, Text}} ->
            file:write(standard_io, Text),
            follow(Port);
        {Port, {exit_status, 0}} ->
            ok;
        {Port, {exit_status, Code}} ->
            fail("cargo ended with ~b", [Code])
    end.

%% A link costs nothing; where there are none the file is copied.
put_library(Source, Target) ->
    _ = [fail("there is no ~ts", [Source]) || not filelib:is_file(Source)],
    ok = filelib:ensure_dir(Target),
    _ = file:delete(Target),
    case file:make_symlink(Source, Target) of
        ok -> ok;
        {error, _} -> {ok, _} = file:copy(Source, Target), ok
    end.

fail(Format, Arguments) ->
    io:format(standard_error, "extism: " ++ Format ++ "~n", Arguments),
    halt(1).
