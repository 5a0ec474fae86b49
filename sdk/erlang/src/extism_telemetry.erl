%% @doc Events about plug-ins, for whoever wants to measure them.
%%
%% `[extism, call, stop]' has the measurement `duration' (in native units) and says which `plugin', which `function' and
%% which `status' (`ok' or that of the error). Servers report `[extism, server, load]', `[extism, server, reload]' and
%% `[extism, server, restore]'. If the application `telemetry' is there, it gets all of them, too.
%%
%% Must not know: who listens. Invariant: a listener that fails is taken out; what it listens to goes on.
-module(extism_telemetry).

-export([attach/2, detach/1, execute/3, span/3]).
-export_type([handler/0]).

-type handler() :: fun(([atom()], map(), map()) -> term()).

%% @doc Adds a listener, or changes the one of this name.
-spec attach(term(), handler()) -> ok.
attach(Name, Handler) when is_function(Handler, 3) ->
    persistent_term:put(?MODULE, lists:keystore(Name, 1, handlers(), {Name, Handler})).

%% @doc Removes a listener.
-spec detach(term()) -> ok.
detach(Name) ->
    persistent_term:put(?MODULE, lists:keydelete(Name, 1, handlers())).

%% @doc Tells the listeners.
-spec execute([atom()], map(), map()) -> ok.
execute(Event, Measurements, Metadata) ->
    lists:foreach(fun(Handler) -> tell(Handler, Event, Measurements, Metadata) end, handlers()),
    case erlang:function_exported(telemetry, execute, 3) of
        true -> telemetry(Event, Measurements, Metadata);
        false -> ok
    end.

telemetry(Event, Measurements, Metadata) ->
    Module = telemetry,
    _ = Module:execute(Event, Measurements, Metadata),
    ok.

%% @doc Does something and reports how long it took.
-spec span([atom()], map(), fun(() -> Result)) -> Result when Result :: extism_call:result(term()).
span(Event, Metadata, Work) ->
    Begin = erlang:monotonic_time(),
    Result = Work(),
    Duration = erlang:monotonic_time() - Begin,
    execute(Event ++ [stop], #{duration => Duration}, Metadata#{status => status(Result)}),
    Result.

status({ok, _}) -> ok;
status({error, #{status := Status}}) -> Status.

tell({Name, Handler}, Event, Measurements, Metadata) ->
    try
        _ = Handler(Event, Measurements, Metadata),
        ok
    catch
        Class:Reason:Stack ->
            detach(Name),
            logger:warning("the listener ~tp of extism failed: ~tp", [Name, {Class, Reason, Stack}])
    end.

handlers() ->
    persistent_term:get(?MODULE, []).
