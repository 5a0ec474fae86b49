%% @doc Functions of yours that plug-ins import.
%%
%% A function runs in the process that called the plug-in, or, if it has a `handler', in that process, which
%% passes the message to {@link answer/1}. Its parameters and results have types: `i32', `i64', `f32', `f64', and
%% `bytes', a handle for the plug-in and a binary for the function. What it raises becomes the call's error.
%%
%% Must not know: who imports it. Invariants: a plug-in that waits is always answered, whatever the function
%% does; a handler that dies, or is dead, is an error.
-module(extism_host_function).

-export([new/4, new/5, answer/1, to_native/1]).
-export([serve/5, answered/2, forget/1]).
-export_type([host_function/0, type/0, cause/0, handler/0]).

-type type() :: i32 | i64 | f32 | f64 | bytes.
-type handler() :: undefined | pid() | atom() | {global, term()} | {via, module(), term()}.
-type cause() :: {error | exit | throw, term(), list()}.
-type host_function() :: #{
    name := unicode:chardata(),
    params := [type()],
    results := [type()],
    function := fun(),
    namespace => unicode:chardata() | undefined,
    handler => handler()
}.
%% The function takes the arguments, or {@link extism_current_plugin:current_plugin()} and the arguments.

%% @equiv new(Name, Params, Results, Function, #{})
-spec new(unicode:chardata(), [type()], [type()], fun()) -> host_function().
new(Name, Params, Results, Function) ->
    new(Name, Params, Results, Function, #{}).

%% @doc A host function. Options are `namespace' and `handler'.
-spec new(unicode:chardata(), [type()], [type()], fun(), map()) -> host_function().
new(Name, Params, Results, Function, Options) when is_function(Function) ->
    Options#{name => Name, params => Params, results => Results, function => Function}.

%% @private
-spec to_native(host_function()) -> tuple().
to_native(#{name := Name, params := Params, results := Results, function := Function} = Options) ->
    Namespace =
        case given(namespace, Options) of
            undefined -> undefined;
            Text -> unicode:characters_to_binary(Text)
        end,
    Target = {given(handler, Options), Function, length(Results)},
    {unicode:characters_to_binary(Name), Namespace, Params, Results, Target}.

given(Key, Options) ->
    case maps:get(Key, Options, undefined) of nil -> undefined; Given -> Given end.

%% @private Runs a host function for a call that is being made, or has its handler do so: then the calling process
%% is sent what `answered/2' takes, under a monitor, and may do something else meanwhile.
-spec serve(reference(), tuple(), binary(), term(), list()) -> {done, undefined | cause()} | {asked, reference()}.
serve(Request, {Handler, Function, Count}, Id, Context, Arguments) ->
    Current = {extism_current_plugin, Request, Id, Context},
    try ask(handler(Handler), {Function, Current, Arguments, Count}) of
        itself -> {done, finish(Request, run(Function, Current, Arguments, Count))};
        Monitor -> {asked, Monitor}
    catch
        Class:Reason:Stack ->
            Text = <<"the handler of the host function cannot be asked">>,
            {done, finish(Request, {failed, Text, {Class, Reason, Stack}})}
    end.

ask(undefined, _Work) ->
    itself;
ask(Handler, Work) ->
    case Handler =:= self() orelse (is_atom(Handler) andalso whereis(Handler) =:= self()) of
        % It would wait for itself.
        true -> itself;
        false -> ask_other(Handler, Work)
    end.

%% Answers go to an alias of this process, which ends with the monitor: what comes too late goes nowhere.
ask_other(Handler, Work) ->
    Monitor = erlang:monitor(process, Handler, [{alias, reply_demonitor}]),
    % A name that is not taken any more is reported by the monitor, too.
    _ = (catch Handler ! {extism_host_call, {Monitor, Monitor}, Work}),
    Monitor.

%% @private The handler has answered, or died.
-spec answered(reference(), {answer, term()} | {dead, term()}) -> undefined | cause().
answered(Request, {answer, Outcome}) ->
    finish(Request, Outcome);
answered(Request, {dead, Reason}) ->
    finish(Request, {failed, <<"the handler of the host function is dead">>, {exit, Reason, []}}).

%% @private The plug-in does not wait any more.
-spec forget(reference()) -> ok.
forget(Monitor) ->
    true = erlang:demonitor(Monitor, [flush]),
    receive {Monitor, _} -> ok after 0 -> ok end.

handler({global, Name}) -> pid_or_missing(global:whereis_name(Name));
handler({via, Module, Name}) -> pid_or_missing(Module:whereis_name(Name));
handler(Handler) -> Handler.

pid_or_missing(undefined) -> extism_no_such_process;
pid_or_missing(Pid) -> Pid.

%% @doc Runs a host function in its handler: a process that receives `{extism_host_call, From, Call}' passes it
%% on to this function.
-spec answer(tuple()) -> ok.
answer({extism_host_call, {Caller, Tag}, {Function, Current, Arguments, Count}}) ->
    Caller ! {Tag, run(Function, Current, Arguments, Count)},
    ok.

run(Function, Current, Arguments, Count) ->
    try
        {returned, results(apply_to(Function, Current, Arguments), Count)}
    catch
        Class:Reason:Stack ->
            {failed, extism_error:text_of(Class, Reason), {Class, Reason, Stack}}
    end.

apply_to(Function, Current, Arguments) ->
    case erlang:fun_info(Function, arity) of
        {arity, Arity} when Arity =:= length(Arguments) -> apply(Function, Arguments);
        _ -> apply(Function, [Current | Arguments])
    end.

results(_Result, 0) -> [];
results(Result, 1) -> [Result];
results(Results, _) when is_tuple(Results) -> tuple_to_list(Results);
results(Results, _) -> Results.

%% Whether the plug-in still waits does not matter: it is told, or it is gone. What is no list, or an improper
%% one, has no length.
finish(Request, {returned, Results}) when length(Results) >= 0 ->
    _ = extism_nif:host_return(Request, Results),
    undefined;
finish(Request, {failed, Message, Cause}) when is_binary(Message) ->
    _ = extism_nif:host_fail(Request, Message),
    Cause;
finish(Request, Outcome) ->
    Given = case Outcome of {returned, Wrong} -> Wrong; Forged -> Forged end,
    Text = io_lib:format("the host function gave ~0tp, which is no list of results", [Given]),
    finish(Request, {failed, unicode:characters_to_binary(Text), {error, badarg, []}}).
