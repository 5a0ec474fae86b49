%% Guarantees 12 to 14, 16 and 17: bytes are bytes, numbers are exact, errors say what went wrong.
-module(extism_encoding_tests).

-include_lib("eunit/include/eunit.hrl").

-import(extism_fixture, [root/0, wat/1, error_of/1]).

g12_bytes_are_bytes_test_() ->
    {timeout, 60, fun() ->
        {ok, Plugin} = extism_plugin:new(wat("echo")),
        Inputs = [<<>>, <<0>>, <<255, 254, 128>>, binary:copy(<<"a">>, 65537), binary:copy(<<0, 255>>, 1 bsl 25)],
        [?assertEqual({ok, Input}, extism_plugin:call(Plugin, "echo", Input)) || Input <- Inputs],
        ?assertEqual({ok, <<"iodata">>}, extism_plugin:call(Plugin, "echo", ["io", [$d, <<"ata">>]])),
        ?assertError(badarg, extism_plugin:call(Plugin, "echo", 1))
    end}.

g13_an_output_outlives_its_plugin_test() ->
    {ok, Plugin} = extism_plugin:new(wat("echo")),
    {ok, First} = extism_plugin:call(Plugin, "echo", binary:copy(<<"first">>, 1000)),
    {ok, _} = extism_plugin:call(Plugin, "echo", binary:copy(<<"other">>, 1000)),
    ok = extism_plugin:free(Plugin),
    ?assertEqual(binary:copy(<<"first">>, 1000), First).

g14_numbers_travel_exactly_test() ->
    Table = [
        {"i32", "const -1", -1},
        {"i32", "const -2147483648", -2147483648},
        {"i64", "const 9223372036854775807", 9223372036854775807},
        {"i64", "const -9223372036854775808", -9223372036854775808},
        {"f64", "const -0.5", -0.5},
        {"f64", "const nan:0x4000000000001", {bits, 16#7FF4000000000001}},
        {"f32", "const nan:0x200001", {bits, 16#7FA00001}}
    ],
    Self = self(),
    [
        begin
            Type = list_to_atom(Name),
            Wat = [
                "(module (import \"extism:host/user\" \"f\" (func $f (param ", Name, ") (result ", Name, ")))",
                "(func (export \"run\") (drop (call $f (", Name, ".", Argument, ")))))"
            ],
            Function = extism_host_function:new("f", [Type], [Type], fun(Given) -> element(2, Self ! {got, Given}) end),
            {ok, Plugin} = extism_plugin:new(iolist_to_binary(Wat), #{functions => [Function]}),
            ?assertEqual({ok, <<>>}, extism_plugin:call(Plugin, "run")),
            receive
                {got, Got} -> ?assertEqual(Value, Got)
            end
        end
     || {Name, Argument, Value} <- Table
    ].

g16_a_library_that_is_missing_is_named_test() ->
    Code = "try io:format(\"~ts\", [extism:version()]) catch _:{extism_library, _, Text} -> io:format(\"~ts\", [Text]) end, halt().",
    Folder = filename:join(filename:basedir(user_cache, "extism"), "unload_" ++ os:getpid()),
    Ebin = filename:join(Folder, "ebin"),
    Own = filename:dirname(code:which(extism)),
    ok = filelib:ensure_dir(filename:join(Ebin, "x")),
    [{ok, _} = file:copy(Beam, filename:join(Ebin, filename:basename(Beam))) || Beam <- filelib:wildcard(filename:join(Own, "*.beam"))],
    Command = lists:flatten(["EXTISM_NIF=/no/such/library.so erl -noshell -pa ", Ebin, " -eval '", Code, "'"]),
    Output = os:cmd(Command),
    ?assertNotEqual(nomatch, string:find(Output, "the native library of extism cannot be used")),
    ?assertNotEqual(nomatch, string:find(Output, "/no/such/library")),
    ok = file:del_dir_r(Folder).

g17_errors_say_what_went_wrong_test() ->
    {ok, Echo} = extism_plugin:new(wat("echo")),
    ?assertEqual(function_not_found, error_of(extism_plugin:call(Echo, "none"))),
    Sources = [
        {manifest_syntax, <<"{">>},
        {no_modules, #{wasm => []}},
        {not_found, #{wasm => [#{path => "/no/such/file.wasm"}]}},
        {hash_mismatch, #{wasm => [#{data => <<"(module)">>, hash => "00"}]}},
        {manifest_field, #{wasm => [], surprise => 1}},
        {manifest_field, #{wasm => [#{path => {1, 2}}]}},
        {invalid_utf8, #{wasm => [#{path => <<255>>}]}},
        {module_invalid, <<"(module (func (result i32)))">>},
        {import_unknown, <<"(module (import \"a\" \"b\" (func)))">>},
        {invalid_argument, 12}
    ],
    [?assertEqual(Status, error_of(extism_plugin:new(Source))) || {Status, Source} <- Sources],
    ?assertEqual(invalid_argument, error_of(extism_plugin:new(<<"(module)">>, #{surprise => 1}))),
    {ok, Exits} = extism_plugin:new(<<"(module (func (export \"run\") (result i32) i32.const 7))">>),
    ?assertMatch({error, #{status := guest_error, guest_code := 7}}, extism_plugin:call(Exits, "run")).

g17_numbers_of_statuses_are_those_of_the_table_test() ->
    {ok, Table} = file:read_file(filename:join(root(), "abi/status.toml")),
    [
        begin
            Words = string:split(atom_to_list(Status), "_", all),
            Name = [string:titlecase(Word) || Word <- Words],
            Row = io_lib:format("name = \"~ts\"~ncode = ~b~n", [Name, Code]),
            ?assertNotEqual({Status, nomatch}, {Status, string:find(Table, unicode:characters_to_binary(Row))})
        end
     || {Status, Code} <- maps:to_list(extism_error:codes())
    ].

g18_traps_are_errors_and_the_virtual_machine_is_well_test() ->
    Wat = <<"(module (memory 1) (func (export \"run\") (drop (i32.load (i32.const -4)))))">>,
    {ok, Plugin} = extism_plugin:new(Wat),
    [?assertMatch({error, #{code := Code}} when Code >= 400, extism_plugin:call(Plugin, "run")) || _ <- lists:seq(1, 100)],
    ?assertError(badarith, 1 div (length(get()) * 0)).

manifests_are_maps_json_or_bytes_test() ->
    Path = filename:join(root(), "examples/plugins/count_vowels.wasm"),
    {ok, Bytes} = file:read_file(Path),
    Sources = [
        Bytes,
        #{wasm => [#{path => Path}]},
        #{<<"wasm">> => [#{"path" => list_to_binary(Path)}], config => undefined},
        #{wasm => #{data => Bytes, name => "main"}},
        #{wasm => [Bytes], memory => #{max_pages => 100}, timeout_ms => 5000, allowed_hosts => []}
    ],
    [
        begin
            {ok, Plugin} = extism_plugin:new(Source),
            ?assertMatch({ok, <<"{\"count\":3,", _/binary>>}, extism_plugin:call(Plugin, "count_vowels", "aei"))
        end
     || Source <- Sources
    ],
    ?assertEqual({ok, <<"{\"config\":{\"a\":\"\\\"\\\\\\u000a\"},\"wasm\":[]}">>},
        extism_manifest:to_json(#{wasm => [], config => #{a => "\"\\\n"}})).
