defmodule Extism.Pool do
  @moduledoc """
  A bounded number of plug-ins that processes borrow.

      iex> {:ok, compiled} = Extism.CompiledPlugin.new(%{wasm: [%{path: "examples/plugins/count_vowels.wasm"}]})
      iex> {:ok, pool} = Extism.Pool.new(compiled, instances_max: 2)
      iex> Extism.Pool.with(pool, fn plugin -> Extism.Plugin.call!(plugin, "count_vowels", "hello") end)
      ~s({"count":2,"total":2,"vowels":"aAeEiIoOuU"})

  From one borrower to the next a plug-in keeps its memory and the variables it set itself; what a borrower
  changed through the host (configuration, variables, log sink, headers of responses) is undone: it is made
  anew, as after a trap.

  What is borrowed is an ordinary plug-in: freeing it gives it back, and so does the death of everybody who
  knows it.
  """

  alias Extism.{CompiledPlugin, Error, Native, Plugin}

  @type t :: %__MODULE__{ptr: reference()}

  @enforce_keys [:ptr]
  defstruct [:ptr]

  @doc "An empty pool. The option `:instances_max` says of how many plug-ins at most."
  @spec new(CompiledPlugin.t(), keyword()) :: {:ok, t()} | {:error, Error.t()}
  def new(%CompiledPlugin{ptr: ref}, options \\ []) do
    Native.result(:extism_pool.new({:extism_compiled_plugin, ref}, Keyword.get(options, :instances_max, 0)))
  end

  @doc "As `get/2`, waiting for as long as `:extism_pool.get/1` does."
  @spec get(t()) :: {:ok, Plugin.t()} | {:error, Error.t()}
  def get(%__MODULE__{ptr: ref}), do: Native.result(:extism_pool.get({:extism_pool, ref}))

  @doc "Borrows a plug-in; after so many milliseconds the status is `:wait_timeout`."
  @spec get(t(), timeout()) :: {:ok, Plugin.t()} | {:error, Error.t()}
  def get(%__MODULE__{ptr: ref}, timeout), do: Native.result(:extism_pool.get({:extism_pool, ref}, timeout))

  @doc "As `with/3`, waiting for as long as `get/1`."
  @spec with(t(), (Plugin.t() -> answer)) :: answer | {:error, Error.t()} when answer: term()
  def with(pool, fun), do: use_and_free(get(pool), fun)

  @doc "Borrows a plug-in for as long as a function takes."
  @spec with(t(), timeout(), (Plugin.t() -> answer)) :: answer | {:error, Error.t()} when answer: term()
  def with(pool, timeout, fun), do: use_and_free(get(pool, timeout), fun)

  defp use_and_free(borrowed, fun) do
    case borrowed do
      {:ok, plugin} ->
        try do
          fun.(plugin)
        after
          Plugin.free(plugin)
        end

      {:error, _} = error ->
        error
    end
  end

  @doc "What the pool is doing."
  @spec stats(t()) :: {:ok, %{atom() => non_neg_integer()}} | {:error, Error.t()}
  def stats(%__MODULE__{ptr: ref}), do: Native.result(:extism_pool.stats({:extism_pool, ref}))

  @doc "Frees a pool; what is borrowed lives on. Doing so twice is allowed."
  @spec free(t()) :: :ok
  def free(%__MODULE__{ptr: ref}), do: :extism_pool.free({:extism_pool, ref})
end
