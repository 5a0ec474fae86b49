%% @private Where the log messages of a plug-in go: to `logger', to a function, or to a process.
%%
%% Must not know: plug-ins. Invariant: whatever becomes of a message, the plug-in's call goes on.
-module(extism_log).

-export([option/1, deliver/4]).
-export_type([target/0, level/0]).

-type level() :: trace | debug | info | warn | error.
-type target() :: logger | pid() | fun((level(), binary(), binary()) -> term()).
%% A function gets the level, the message and the identity of the plug-in; a process gets
%% `{extism_log, Id, Level, Message}'.

%% @doc The option `log': a level, for `logger', or a level and a target.
-spec option(level() | {level(), target()}) -> {level(), target()}.
option({Level, Target}) -> {Level, Target};
option(Level) -> {Level, logger}.

-spec deliver(target(), binary(), level(), binary()) -> ok.
deliver(logger, Id, Level, Message) ->
    logger:log(severity(Level), "~ts", [Message], #{domain => [extism], extism_plugin => Id});
deliver(Process, Id, Level, Message) when is_pid(Process) ->
    Process ! {extism_log, Id, Level, Message},
    ok;
deliver(Function, Id, Level, Message) when is_function(Function, 3) ->
    try
        _ = Function(Level, Message, Id),
        ok
    catch
        Class:Reason:Stack ->
            logger:warning("a log function of extism failed: ~p", [{Class, Reason, Stack}])
    end;
deliver(_Target, _Id, _Level, _Message) ->
    ok.

severity(trace) -> debug;
severity(warn) -> warning;
severity(Level) -> Level.
