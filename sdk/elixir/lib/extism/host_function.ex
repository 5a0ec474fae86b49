defmodule Extism.HostFunction do
  @moduledoc """
  A function of yours that plug-ins import.

  It runs in the process that calls the plug-in, or, if it has a `:handler`, in that process (`answer/1`). Parameters
  and results are `:i32`, `:i64`, `:f32`, `:f64`, or `:bytes`: a handle for the plug-in, a binary for the function. It
  takes the arguments, or an `t:Extism.CurrentPlugin.t/0` and the arguments. What it raises becomes the call's error.

      iex> shout = Extism.HostFunction.new("shout", [:bytes], [:bytes], fn text -> String.upcase(text) end)
      iex> wat = ~S{
      ...>   (module
      ...>     (import "extism:host/user" "shout" (func $shout (param i64) (result i64)))
      ...>     (import "extism:host/env" "input_offset" (func $input (result i64)))
      ...>     (import "extism:host/env" "length" (func $length (param i64) (result i64)))
      ...>     (import "extism:host/env" "output_set" (func $output (param i64 i64)))
      ...>     (func (export "run") (local $block i64)
      ...>       (local.set $block (call $shout (call $input)))
      ...>       (call $output (local.get $block) (call $length (local.get $block)))))
      ...> }
      iex> {:ok, plugin} = Extism.Plugin.new(String.trim(wat), functions: [shout])
      iex> Extism.Plugin.call(plugin, "run", "hello")
      {:ok, "HELLO"}

  A float that is no number comes as `{:bits, integer}`, and goes as that, `:nan`, `:infinity` or `:neg_infinity`.
  """

  @type type :: :i32 | :i64 | :f32 | :f64 | :bytes
  @type t :: %__MODULE__{
          name: String.t(),
          params: [type()],
          results: [type()],
          function: function(),
          namespace: String.t() | nil,
          handler: GenServer.server() | nil
        }

  @enforce_keys [:name, :params, :results, :function]
  defstruct [:name, :params, :results, :function, :namespace, :handler]

  @doc "A host function. Options are `:namespace` and `:handler`."
  @spec new(String.t(), [type()], [type()], function(), keyword()) :: t()
  def new(name, params, results, function, options \\ []) when is_function(function) do
    struct!(%__MODULE__{name: name, params: params, results: results, function: function}, options)
  end

  @doc """
  Runs a host function in its handler: a process that receives a message `{:extism_host_call, _, _}` passes it on to
  this function.
  """
  @spec answer({:extism_host_call, term(), term()}) :: :ok
  def answer(message), do: :extism_host_function.answer(message)

  @doc false
  @spec to_native(t()) :: map()
  def to_native(%__MODULE__{} = function), do: Map.from_struct(function)
end
