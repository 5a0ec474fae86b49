%% @private One request to the native library: begun, answered by message, stopped when its time is up.
%%
%% Until the answer comes the calling process runs the host functions the plug-in calls, and passes on what it
%% logs. A process that has other things to do begins a request (`start/2') and shows its messages to `event/2'.
%%
%% Must not know: what the request is. Invariant: whoever begins a request and waits gets one answer, and no
%% message of it stays behind.
-module(extism_call).

-export([run/1, run/2, done/1, start/2, reference/1, event/2, stop/2, left/1]).
-export_type([call/0, error/0, result/1, begin_fun/0, options/0]).

-record(call, {
    reference :: reference(),
    native :: reference(),
    context :: term(),
    deadline :: integer() | infinity,
    cause :: undefined | extism_host_function:cause()
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

-spec reference(call()) -> reference().
reference(#call{reference = Reference}) ->
    Reference.

wait(#call{reference = Reference} = Call) ->
    receive
        {extism, Reference, Event} ->
            case event(Event, Call) of
                {done, Result} -> Result;
                {next, Next} -> wait(Next)
            end
    after left(Call) ->
        stop(Call, timeout),
        wait(Call#call{deadline = infinity})
    end.

%% @doc Milliseconds until its time is up, or as many as a process can wait.
-spec left(call()) -> timeout().
left(#call{deadline = infinity}) ->
    infinity;
left(#call{deadline = Deadline}) ->
    min(16#FFFFFFFF, max(0, Deadline - erlang:monotonic_time(millisecond))).

%% @doc Does what an event of the request asks for.
-spec event(term(), call()) -> {done, result(term())} | {next, call()}.
event({ok, _} = Result, _Call) ->
    {done, Result};
event({error, #{status := host_function} = Error}, #call{cause = Cause}) when Cause =/= undefined ->
    {done, {error, Error#{cause => Cause}}};
event({error, _} = Result, _Call) ->
    {done, Result};
event({host, Request, Target, Id, Arguments}, #call{context = Context} = Call) ->
    case extism_host_function:serve(Request, Target, Id, Context, Arguments, Call) of
        {next, Cause} -> {next, Call#call{cause = Cause}};
        {done, Event} -> event(Event, Call)
    end;
event({log, Target, Id, Level, Message}, Call) ->
    extism_log:deliver(Target, Id, Level, Message),
    {next, Call}.

%% @doc Stops a request. It is answered all the same.
-spec stop(call(), timeout | cancel) -> ok.
stop(#call{native = Native}, Why) ->
    ok = extism_nif:call_stop(Native, Why =:= timeout).
