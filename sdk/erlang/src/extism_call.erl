%% @private One request to the native library: begun, answered by message, stopped when its time is up.
%%
%% Until the answer comes the calling process runs the host functions the plug-in calls, and passes on what it
%% logs. A process that has other things to do begins a request (`start/2') and shows its messages to `message/2'.
%%
%% Must not know: what the request is. Invariant: whoever begins a request and waits gets one answer, and no
%% message of it stays behind.
-module(extism_call).

-export([run/1, run/2, done/1, start/2, message/2, stop/2]).
-export_type([call/0, error/0, result/1, begin_fun/0, options/0]).

-record(call, {
    reference :: reference(),
    native :: reference(),
    context :: term(),
    deadline :: integer() | infinity,
    cause :: undefined | extism_host_function:cause(),
    % The monitor of the handler that runs a host function, and what it is to answer.
    asked :: undefined | {reference(), reference()}
}).

-opaque call() :: #call{}.
-type error() :: #{
    status := atom(),
    code := non_neg_integer(),
    guest_code := integer() | undefined,
    message := binary(),
    cause => extism_host_function:cause()
}.
%% `status' says what went wrong; `guest_code' is the plug-in's own; `cause' is what a host function failed with.
-type result(Value) :: {ok, Value} | {error, error()}.
-type begin_fun() :: fun((reference()) -> result(reference())).
-type options() :: #{timeout => timeout(), host_context => term()}.

%% @doc Makes a request and waits for its answer.
-spec run(begin_fun()) -> result(term()).
run(Begin) ->
    run(Begin, #{}).

-spec run(begin_fun(), options()) -> result(term()).
run(Begin, Options) ->
    case start(Begin, Options) of
        {ok, Call} -> wait(Call);
        {error, _} = Error -> Error
    end.

%% @doc The answer to a request that gives nothing.
-spec done(result(ok)) -> ok | {error, error()}.
done({ok, ok}) -> ok;
done({error, _} = Error) -> Error.

%% @doc Makes a request. Its messages are `{extism, Reference, Event}'.
-spec start(begin_fun(), options()) -> result(call()).
start(Begin, Options) ->
    Reference = make_ref(),
    % Before anything has begun, since it may be no time.
    Deadline =
        case maps:get(timeout, Options, infinity) of
            infinity -> infinity;
            Timeout -> erlang:monotonic_time(millisecond) + Timeout
        end,
    Context = maps:get(host_context, Options, undefined),
    case Begin(Reference) of
        {ok, Native} ->
            {ok, #call{reference = Reference, native = Native, context = Context, deadline = Deadline}};
        {error, _} = Error ->
            Error
    end.

wait(#call{reference = Reference} = Call) ->
    Asked = asked(Call),
    receive
        {extism, Reference, _} = Message -> waited(message(Message, Call));
        {Asked, _} = Message -> waited(message(Message, Call));
        {'DOWN', Asked, process, _, _} = Message -> waited(message(Message, Call))
    after left(Call) ->
        stop(Call, timeout),
        wait(Call#call{deadline = infinity})
    end.

waited({done, Result}) -> Result;
waited({next, Call}) -> wait(Call).

%% The monitor of the handler that is asked. Without one the reference of the call, under which no handler answers.
asked(#call{asked = {Monitor, _}}) -> Monitor;
asked(#call{reference = Reference}) -> Reference.

%% Milliseconds until its time is up, or as many as a process can wait.
left(#call{deadline = infinity}) ->
    infinity;
left(#call{deadline = Deadline}) ->
    min(16#FFFFFFFF, max(0, Deadline - erlang:monotonic_time(millisecond))).

%% @doc Does what a message asks for, if it is one of the request.
-spec message(term(), call()) -> {done, result(term())} | {next, call()} | other.
message({extism, Reference, Event}, #call{reference = Reference} = Call) ->
    event(Event, Call);
message({Monitor, Outcome}, #call{asked = {Monitor, _}} = Call) ->
    {next, answered({answer, Outcome}, Call)};
message({'DOWN', Monitor, process, _, Reason}, #call{asked = {Monitor, _}} = Call) ->
    {next, answered({dead, Reason}, Call)};
message(_, _) ->
    other.

answered(Answer, #call{asked = {_, Request}} = Call) ->
    Call#call{asked = undefined, cause = extism_host_function:answered(Request, Answer)}.

event({log, Target, Id, Level, Message}, Call) ->
    extism_log:deliver(Target, Id, Level, Message),
    {next, Call};
event(Event, #call{asked = {Monitor, _}} = Call) ->
    ok = extism_host_function:forget(Monitor),
    event(Event, Call#call{asked = undefined});
event({host, Request, Target, Id, Arguments}, #call{context = Context} = Call) ->
    case extism_host_function:serve(Request, Target, Id, Context, Arguments) of
        {done, Cause} -> {next, Call#call{cause = Cause}};
        {asked, Monitor} -> {next, Call#call{asked = {Monitor, Request}}}
    end;
event({error, #{status := host_function} = Error}, #call{cause = Cause}) when Cause =/= undefined ->
    {done, {error, Error#{cause => Cause}}};
event(Result, _Call) ->
    {done, Result}.

%% @doc Stops a request. It is answered all the same.
-spec stop(call(), timeout | cancel) -> ok.
stop(#call{native = Native}, Why) ->
    ok = extism_nif:call_stop(Native, Why =:= timeout).
