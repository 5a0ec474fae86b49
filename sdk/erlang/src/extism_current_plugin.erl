%% @doc The plug-in that calls a host function: its memory, its variables, how long it may still take.
%%
%% Any process may use it while the function runs; afterwards everything answers `closed'.
%%
%% Must not know: the function. Invariant: nothing here outlives the call of the function.
-module(extism_current_plugin).

-export([id/1, host_context/1, must_stop/1, time_remaining/1]).
-export([alloc/2, store/2, read/2, write/3, length/2, free/2]).
-export([var_get/2, var_set/3, var_remove/2, set_error/2]).
-export_type([current_plugin/0, handle/0]).

-type current_plugin() :: {extism_current_plugin, reference(), binary(), term()}.
-type handle() :: non_neg_integer().

%% @doc The identity of the plug-in: 16 bytes.
-spec id(current_plugin()) -> binary().
id({extism_current_plugin, _, Id, _}) -> Id.

%% @doc What the caller gave along with its call.
-spec host_context(current_plugin()) -> term().
host_context({extism_current_plugin, _, _, Context}) -> Context.

%% @doc Whether the call was cancelled or its time is up: what the function answers does not matter any more.
-spec must_stop(current_plugin()) -> boolean().
must_stop({extism_current_plugin, Request, _, _}) -> extism_nif:host_must_stop(Request).

%% @doc Milliseconds until the call's time is up.
-spec time_remaining(current_plugin()) -> timeout().
time_remaining({extism_current_plugin, Request, _, _}) -> extism_nif:host_time_remaining(Request).

%% @doc A new block of memory.
-spec alloc(current_plugin(), non_neg_integer()) -> extism_call:result(handle()).
alloc(Current, Bytes) -> ask(Current, {alloc, Bytes}).

%% @doc A new block with these bytes; 0 if there are none.
-spec store(current_plugin(), iodata()) -> extism_call:result(handle()).
store(Current, Bytes) -> ask(Current, {store, iolist_to_binary(Bytes)}).

%% @doc The bytes of a block.
-spec read(current_plugin(), handle()) -> extism_call:result(binary()).
read(Current, Handle) -> ask(Current, {read, Handle}).

%% @doc Overwrites the beginning of a block.
-spec write(current_plugin(), handle(), iodata()) -> extism_call:result(ok).
write(Current, Handle, Bytes) -> ask(Current, {write, Handle, iolist_to_binary(Bytes)}).

%% @doc The length of a block; 0 if there is none.
-spec length(current_plugin(), handle()) -> extism_call:result(non_neg_integer()).
length(Current, Handle) -> ask(Current, {length, Handle}).

%% @doc Frees a block.
-spec free(current_plugin(), handle()) -> extism_call:result(ok).
free(Current, Handle) -> ask(Current, {free, Handle}).

%% @doc A variable of the plug-in, or `undefined'.
-spec var_get(current_plugin(), unicode:chardata()) -> extism_call:result(binary() | undefined).
var_get(Current, Name) -> ask(Current, {var_get, unicode:characters_to_binary(Name)}).

%% @doc Sets a variable of the plug-in.
-spec var_set(current_plugin(), unicode:chardata(), iodata()) -> extism_call:result(ok).
var_set(Current, Name, Value) ->
    ask(Current, {var_set, unicode:characters_to_binary(Name), iolist_to_binary(Value)}).

%% @doc Removes a variable of the plug-in.
-spec var_remove(current_plugin(), unicode:chardata()) -> extism_call:result(ok).
var_remove(Current, Name) -> ask(Current, {var_remove, unicode:characters_to_binary(Name)}).

%% @doc Sets the plug-in's error message, as if it had done so itself.
-spec set_error(current_plugin(), unicode:chardata()) -> extism_call:result(handle()).
set_error(Current, Text) -> ask(Current, {set_error, unicode:characters_to_binary(Text)}).

%% The library answers even if the function is over, so there is no need for a timeout.
ask({extism_current_plugin, Request, _, _}, Operation) ->
    Tag = make_ref(),
    case extism_nif:host_ask(Request, Tag, Operation) of
        {ok, ok} ->
            receive
                {Tag, Done} -> Done
            end;
        {error, _} = Error ->
            Error
    end.
