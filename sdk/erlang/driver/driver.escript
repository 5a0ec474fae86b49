#!/usr/bin/env escript
%%! +sbtu +A1
%% The conformance driver (conformance/protocol.md): requests come in by lines, each is done with the package and
%% answered by a line. It decides nothing; every request is answered, whatever is in it.
-mode(compile).

-define(FEATURES,
    "cancel,compiled,context,fs,fuel,headers,host_context,http,inspect,limits,logs,namespace,nested,pool,"
    "precompile,reenter,renew,stats,threads,vars,wasi"
).
-define(LEVELS, [trace, debug, info, warn, error]).

main(_) ->
    Folder = filename:dirname(filename:absname(escript:script_name())),
    Ebins = filelib:wildcard(filename:join(Folder, "../_build/default/lib/extism/ebin")),
    ok = code:add_pathsa(Ebins),
    objects = ets:new(objects, [named_table, public]),
    logs = ets:new(logs, [named_table, public, duplicate_bag]),
    ok = io:setopts(standard_io, [binary, {encoding, latin1}]),
    loop().

loop() ->
    case io:get_line("") of
        Line when is_binary(Line) ->
            Request = string:trim(Line, trailing, "\n"),
            io:put_chars([reply(Request), $\n]),
            case Request of
                <<"BYE">> -> ok;
                _ -> loop()
            end;
        _ ->
            ok
    end.

reply(Line) ->
    IsOption = fun(Word) -> binary:match(Word, <<"=">>) =/= nomatch end,
    {Options, Words} = lists:partition(IsOption, binary:split(Line, <<" ">>, [global])),
    Pairs = [list_to_tuple(binary:split(Option, <<"=">>)) || Option <- Options],
    try answer(Words, Pairs) of
        ok -> <<"OK">>;
        {ok, Word} -> [<<"OK ">>, Word];
        {error, #{code := Code, guest_code := Guest, message := Message}} -> failure(Code, Guest, Message)
    catch
        error:function_clause -> [<<"CANNOT do ">>, Line];
        _:Reason -> failure(0, 0, unicode:characters_to_binary(io_lib:format("~0tp", [Reason])))
    end.

failure(Code, undefined, Message) -> failure(Code, 0, Message);
failure(Code, Guest, Message) -> io_lib:format("ERR ~b ~b ~s", [Code, Guest, hex(Message)]).

answer([<<"HELLO">>, _], _) ->
    {ok, ["sdk=erlang version=1.42.0 library=", extism:version(), " features=", ?FEATURES]};
answer([<<"COMPILE">>, Id, Source], Options) ->
    keep(Id, extism_compiled_plugin:new(unhex(Source), options(Options, Id)));
answer([<<"NEW">>, Id, <<"c", _/binary>> = From], _) ->
    with(From, fun(Compiled) -> keep(same_log(Id, From), extism_plugin:new(Compiled)) end);
answer([<<"NEW">>, Id, Source], Options) ->
    keep(Id, extism_plugin:new(unhex(Source), options(Options, Id)));
answer([<<"INSPECT">>, Source], Options) ->
    bytes(extism:inspect(unhex(Source), options(Options, none)));
answer([<<"PRECOMPILE">>, Source], Options) ->
    bytes(extism:precompile(unhex(Source), options(Options, none)));
answer([<<"CALL">>, Id, Function | Input], Options) ->
    Context =
        case option(<<"context">>, Options) of
            undefined -> #{};
            Word -> #{host_context => unhex(Word)}
        end,
    with(Id, fun(Plugin) ->
        case option(<<"cancel_ms">>, Options) of
            undefined ->
                ok;
            Time ->
                spawn(fun() ->
                    timer:sleep(binary_to_integer(Time)),
                    extism_plugin:cancel(Plugin)
                end)
        end,
        bytes(extism_plugin:call(Plugin, unhex(Function), input(Input), Context))
    end);
answer([<<"EXISTS">>, Id, Function], _) ->
    flag(with(Id, fun(Plugin) -> extism_plugin:has_function(Plugin, unhex(Function)) end));
answer([<<"CONFIG">>, Id, Json], _) ->
    with(Id, fun(Plugin) -> extism_plugin:config(Plugin, flat_json(unhex(Json))) end);
answer([<<"VAR">>, Id, <<"get">>, Name], _) ->
    case with(Id, fun(Plugin) -> extism_plugin:var_get(Plugin, unhex(Name)) end) of
        {ok, undefined} -> {ok, "?"};
        Other -> bytes(Other)
    end;
answer([<<"VAR">>, Id, <<"set">>, Name, Value], _) ->
    with(Id, fun(Plugin) -> extism_plugin:var_set(Plugin, unhex(Name), unhex(Value)) end);
answer([<<"VAR">>, Id, <<"remove">>, Name], _) ->
    with(Id, fun(Plugin) -> extism_plugin:var_remove(Plugin, unhex(Name)) end);
answer([<<"RESET">>, Id], _) ->
    with(Id, fun extism_plugin:reset/1);
answer([<<"RENEW">>, Id], _) ->
    with(Id, fun extism_plugin:renew/1);
answer([<<"CANCEL">>, Id], _) ->
    with(Id, fun extism_plugin:cancel/1);
answer([<<"HEADERS">>, Id], _) ->
    with(Id, fun extism_plugin:allow_http_response_headers/1);
answer([<<"ID">>, Id], _) ->
    bytes(with(Id, fun extism_plugin:id/1));
answer([<<"FUEL">>, Id], _) ->
    case with(Id, fun extism_plugin:fuel_consumed/1) of
        {ok, undefined} -> {ok, "?"};
        {ok, Fuel} -> {ok, integer_to_binary(Fuel)};
        Error -> Error
    end;
answer([<<"LOGS">>, Id], _) ->
    Lines = ets:take(logs, log_of(Id)),
    {ok, lists:join($\s, [[integer_to_binary(Level), $:, hex(Text)] || {_, Level, Text} <- Lines])};
answer([<<"CONTEXT">>, Id], _) ->
    keep(Id, {ok, extism_context:new()});
answer([<<"CTXNEW">>, Id, Source], Options) ->
    Make = fun(Context) -> extism_context:new_plugin(Context, unhex(Source), options(Options, Id)) end,
    case with(Id, Make) of
        {ok, {extism_plugin, _, Number}} -> {ok, integer_to_binary(Number)};
        Error -> Error
    end;
answer([<<"CTXUPDATE">>, Id, Number, Source], Options) ->
    member(Id, Number, fun(Plugin) -> extism_plugin:update(Plugin, unhex(Source), options(Options, Id)) end);
answer([<<"CTXCALL">>, Id, Number, Function | Input], _) ->
    bytes(member(Id, Number, fun(Plugin) -> extism_plugin:call(Plugin, unhex(Function), input(Input)) end));
answer([<<"CTXEXISTS">>, Id, Number, Function], _) ->
    flag(member(Id, Number, fun(Plugin) -> extism_plugin:has_function(Plugin, unhex(Function)) end));
answer([<<"CTXCONFIG">>, Id, Number, Json], _) ->
    member(Id, Number, fun(Plugin) -> extism_plugin:config(Plugin, flat_json(unhex(Json))) end);
answer([<<"CTXFREE">>, Id, Number], _) ->
    member(Id, Number, fun extism_plugin:free/1);
answer([<<"CTXRESET">>, Id], _) ->
    with(Id, fun extism_context:reset/1);
answer([<<"POOL">>, Id, From, InstancesMax], _) ->
    with(From, fun(Compiled) ->
        keep(same_log(Id, From), extism_pool:new(Compiled, binary_to_integer(InstancesMax)))
    end);
answer([<<"GET">>, From, Id, Timeout], _) ->
    with(From, fun(Pool) -> keep(same_log(Id, From), extism_pool:get(Pool, binary_to_integer(Timeout))) end);
answer([<<"POOLSTATS">>, Id], _) ->
    case with(Id, fun extism_pool:stats/1) of
        {ok, Stats} ->
            Names = [instances_max, alive, idle, waiting, made, replaced],
            {ok, lists:join($\s, [integer_to_binary(maps:get(Name, Stats)) || Name <- Names])};
        Error ->
            Error
    end;
answer([<<"THREADS">>, Id, Threads, Calls, Function | Input], _) ->
    with(Id, fun(Compiled) ->
        Work = fun() -> many(Compiled, binary_to_integer(Calls), unhex(Function), input(Input)) end,
        Self = self(),
        Processes = [spawn_link(fun() -> Self ! {self(), Work()} end) || _ <- seq(Threads)],
        Outputs = lists:append([
            receive
                {Process, Done} -> Done
            end
         || Process <- Processes
        ]),
        case lists:usort(Outputs) of
            [{ok, Output}] -> {ok, [integer_to_binary(length(Outputs)), $\s, hex(Output)]};
            Different -> hd([Error || {error, _} = Error <- Different] ++ [{error, plain(<<"outputs differ">>)}])
        end
    end);
answer([<<"FREE">>, Id], _) ->
    case ets:lookup(objects, Id) of
        [{_, Object}] -> (element(1, Object)):free(Object);
        [] -> ok
    end;
answer([<<"GC">>], _) ->
    [erlang:garbage_collect(Process) || Process <- processes()],
    extism:settle();
answer([<<"STATS">>], _) ->
    #{plugins := Plugins, compiled_plugins := Compiled, host_functions := Functions} = extism:stats(),
    {ok, io_lib:format("~b ~b ~b 0", [Plugins, Compiled, Functions])};
answer([<<"BYE">>], _) ->
    ok.

many(Compiled, Calls, Function, Input) ->
    {ok, Plugin} = extism_plugin:new(Compiled),
    Outputs = [extism_plugin:call(Plugin, Function, Input) || _ <- lists:seq(1, Calls)],
    ok = extism_plugin:free(Plugin),
    Outputs.

seq(Count) -> lists:seq(1, binary_to_integer(Count)).
option(Name, Options) -> proplists:get_value(Name, Options).
input([]) -> <<>>;
input([Word]) -> unhex(Word).
bytes({ok, Bytes}) -> {ok, hex(Bytes)};
bytes(Error) -> Error.
flag({ok, true}) -> {ok, "1"};
flag({ok, false}) -> {ok, "0"};
flag(Error) -> Error.

keep(Id, {ok, Object}) ->
    true = ets:insert(objects, {Id, Object}),
    ok;
keep(Id, Error) ->
    true = ets:delete(objects, Id),
    Error.

with(Id, Use) ->
    case ets:lookup(objects, Id) of
        [{_, Object}] -> Use(Object);
        [] -> {error, (plain(<<"there is no ", Id/binary>>))#{status => closed, code => 102}}
    end.

plain(Message) -> #{status => none, code => 0, guest_code => undefined, message => Message}.

member(Id, Number, Use) ->
    with(Id, fun({extism_context, Context}) -> Use({extism_plugin, Context, binary_to_integer(Number)}) end).

same_log(Id, From) ->
    true = ets:insert(objects, {{log, Id}, log_of(From)}),
    Id.

log_of(Id) ->
    case ets:lookup(objects, {log, Id}) of
        [{_, Log}] -> Log;
        [] -> Id
    end.

options(Options, Id) ->
    true = ets:insert(objects, {{log, Id}, Id}),
    Limits = maps:from_list([
        {Name, binary_to_integer(Value)}
     || {<<"limit.", Name/binary>>, Value} <- Options
    ]),
    Base = maps:from_list([{base, untrusted} || {<<"limits">>, <<"untrusted">>} <- Options]),
    Arguments = [unhex(Word) || {<<"arg">>, Word} <- Options],
    Variables = [list_to_tuple(binary:split(unhex(Word), <<"=">>)) || {<<"env">>, Word} <- Options],
    Given = #{limits => maps:merge(Limits, Base), wasi_args => Arguments, wasi_env => Variables},
    maps:merge(Given, maps:from_list(lists:append([sdk_option(Option, Options, Id) || Option <- Options]))).

sdk_option({<<"wasi">>, <<"1">>}, _, _) -> [{wasi, true}];
sdk_option({<<"functions">>, Names}, Options, _) -> [{functions, functions(Names, Options)}];
sdk_option({<<"fuel">>, Fuel}, _, _) -> [{fuel, binary_to_integer(Fuel)}];
sdk_option({<<"rewrite">>, <<"0">>}, _, _) -> [{rewrite, false}];
sdk_option({<<"headers">>, <<"1">>}, _, _) -> [{http_response_headers, true}];
sdk_option({<<"trust">>, <<"1">>}, _, _) -> [{trust_artefacts, true}];
sdk_option({<<"cache">>, <<"0">>}, _, _) -> [{cache, false}];
sdk_option({<<"log">>, Level}, _, Id) -> [{log, {lists:nth(binary_to_integer(Level) + 1, ?LEVELS), sink(Id)}}];
sdk_option(_, _, _) -> [].

sink(Id) ->
    fun(Level, Message, _Plugin) ->
        Number = length(lists:takewhile(fun(Other) -> Other =/= Level end, ?LEVELS)),
        ets:insert(logs, {Id, Number, Message})
    end.

functions(Names, Options) ->
    Namespace =
        case option(<<"namespace">>, Options) of
            undefined -> undefined;
            Word -> unhex(Word)
        end,
    [function(Name, Namespace) || Name <- binary:split(Names, <<",">>, [global])].

function(Name, Namespace) ->
    {Params, Results, Function} = function(Name),
    extism_host_function:new(Name, Params, Results, Function, #{namespace => Namespace}).

function(<<"upper">>) ->
    {[bytes], [bytes], fun(Text) -> << <<(upper(Byte))>> || <<Byte>> <= Text >> end};
function(<<"concat">>) ->
    {[bytes, bytes], [bytes], fun(First, Second) -> <<First/binary, Second/binary>> end};
function(<<"add_i64">>) ->
    {[i64, i64], [i64], fun(A, B) -> signed(A + B, 64) end};
function(<<"add_i32">>) ->
    {[i32, i32], [i32], fun(A, B) -> signed(A + B, 32) end};
function(<<"mul_f32">>) ->
    {[f32, f32], [f32], fun(A, B) -> A * B end};
function(<<"f64_id">>) ->
    {[f64], [f64], fun(Value) -> Value end};
function(<<"mix">>) ->
    {[i32, i64, f32, f64], [f64], fun(A, B, C, D) -> A + B + C + D end};
function(<<"nothing">>) ->
    {[], [], fun() -> ok end};
function(<<"throw">>) ->
    {[bytes], [i64], fun(Text) -> error(Text) end};
function(<<"bad_handle">>) ->
    {[], [i64], fun() -> 1 bsl 40 end};
function(<<"ctx_get">>) ->
    {[], [i64], fun(Current) ->
        case extism_current_plugin:host_context(Current) of
            undefined ->
                0;
            Bytes ->
                {ok, Handle} = extism_current_plugin:store(Current, Bytes),
                Handle
        end
    end};
function(<<"reenter">>) ->
    {[bytes], [bytes], fun(Current, Name) ->
        Id = extism_current_plugin:id(Current),
        Plugins = [Plugin || {<<"p", _/binary>>, Plugin} <- ets:tab2list(objects)],
        [Plugin] = [Plugin || Plugin <- Plugins, extism_plugin:id(Plugin) =:= {ok, Id}],
        case extism_plugin:call(Plugin, Name) of
            {ok, _} -> <<"0">>;
            {error, #{code := Code}} -> integer_to_binary(Code)
        end
    end};
function(<<"nested">>) ->
    {[bytes, bytes], [bytes], fun(Name, Input) ->
        [{_, Plugin}] = ets:lookup(objects, <<"p2">>),
        case extism_plugin:call(Plugin, Name, Input) of
            {ok, Output} -> Output;
            {error, #{message := Message}} -> error(Message)
        end
    end};
function(<<"wait">>) ->
    {[i64], [i64], fun(Current, Time) -> wait(Current, erlang:monotonic_time(millisecond) + Time) end}.

upper(Byte) when Byte >= $a, Byte =< $z -> Byte - 32;
upper(Byte) -> Byte.

wait(Current, Deadline) ->
    case {extism_current_plugin:must_stop(Current), erlang:monotonic_time(millisecond) >= Deadline} of
        {true, _} ->
            1;
        {false, true} ->
            0;
        _ ->
            timer:sleep(2),
            wait(Current, Deadline)
    end.

signed(Number, Bits) ->
    <<Signed:Bits/signed>> = <<Number:Bits>>,
    Signed.

%% What `CONFIG' needs of JSON: an object of texts and nulls.
flat_json(Json) ->
    Text = "\"((?:[^\"\\\\]|\\\\.)*)\"",
    Pair = [Text, "\\s*:\\s*(?:", Text, "|null)"],
    case re:run(Json, iolist_to_binary(Pair), [global, {capture, all_but_first, binary}]) of
        nomatch -> #{};
        {match, Pairs} -> maps:from_list([json_pair(Found) || Found <- Pairs])
    end.

json_pair([Key]) -> {unescaped(Key), undefined};
json_pair([Key, Value]) -> {unescaped(Key), unescaped(Value)}.

unescaped(<<"\\u", Digits:4/binary, Rest/binary>>) ->
    <<(binary_to_integer(Digits, 16))/utf8, (unescaped(Rest))/binary>>;
unescaped(<<"\\n", Rest/binary>>) ->
    <<$\n, (unescaped(Rest))/binary>>;
unescaped(<<"\\t", Rest/binary>>) ->
    <<$\t, (unescaped(Rest))/binary>>;
unescaped(<<$\\, Byte, Rest/binary>>) ->
    <<Byte, (unescaped(Rest))/binary>>;
unescaped(<<Byte, Rest/binary>>) ->
    <<Byte, (unescaped(Rest))/binary>>;
unescaped(<<>>) ->
    <<>>.

hex(<<>>) -> <<"-">>;
hex(Bytes) -> string:lowercase(binary:encode_hex(Bytes)).

unhex(<<"-">>) ->
    <<>>;
unhex(Word) ->
    case binary:split(Word, <<"*">>) of
        [Digits] -> binary:decode_hex(Digits);
        [Digits, Times] -> binary:copy(binary:decode_hex(Digits), binary_to_integer(Times))
    end.
