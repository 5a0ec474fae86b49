defmodule Extism do
  @moduledoc """
  Make your software programmable: load plug-ins compiled to WebAssembly, limit them, and call them.

      iex> {:ok, plugin} = Extism.Plugin.new(%{wasm: [%{path: "examples/plugins/count_vowels.wasm"}]})
      iex> {:ok, output} = Extism.Plugin.call(plugin, "count_vowels", "this is a test")
      iex> output
      ~s({"count":4,"total":4,"vowels":"aAeEiIoOuU"})

  A call runs on a thread of its own and answers its process by message, so no scheduler waits for a plug-in; a
  process that dies takes its call with it. A plug-in can be a process itself (`Extism.PluginServer`).
  """

  alias Extism.{Error, Native}

  @typedoc "A module, binary or text; a manifest as JSON or TOML; a manifest as a map or struct."
  @type source :: binary() | map() | Extism.Manifest.t()

  @typedoc """
  Limits: `:default`, `:untrusted`, or some by their names in docs/limits.md, such as
  `[base: :untrusted, call_time_ms_max: 100]`.
  """
  @type limits :: :default | :untrusted | keyword() | map()

  @typedoc """
  What everything that takes a source can be told. A boolean says whether the plug-in may use WASI.

    * `:wasi` – whether it may import WASI, and with it reach `allowed_paths`
    * `:functions` – the host functions it may import (`Extism.HostFunction`)
    * `:config` – configuration, on top of the manifest's
    * `:limits` – the host's ceiling
    * `:fuel`, `:fuel_for_start` – fuel for each call, and for the start
    * `:log` – a level, for `Logger`, or `{level, target}`, where the target is a process or a function
    * `:http_response_headers`, `:wasi_args`, `:wasi_env`, `:wasi_output`, `:trust_artefacts`, `:cache`, `:rewrite`
  """
  @type options :: boolean() | keyword() | map()

  @doc "The version of the library."
  @spec version() :: String.t()
  def version, do: :extism.version()

  @doc """
  How many plug-ins, compiled plug-ins, host functions and calls are alive in this virtual machine.

      iex> Enum.sort(Map.keys(Extism.stats()))
      [:calls, :compiled_plugins, :host_functions, :plugins]
  """
  @spec stats() :: %{atom() => non_neg_integer()}
  def stats, do: :extism.stats()

  @doc "Waits until everything is freed that the garbage collector has found."
  @spec settle() :: :ok
  def settle, do: :extism.settle()

  @doc """
  Sends the log of the library to a file, `"stderr"` or `"stdout"`; false if that is not possible, or was done
  before. The level may be a list of directives, as in `"extism=debug"`.
  """
  @spec set_log_file(String.t(), String.t() | atom()) :: boolean()
  def set_log_file(filename, level \\ "info"), do: :extism.set_log_file(filename, level)

  @doc "Describes a plug-in without running it, as JSON."
  @spec inspect(source(), options()) :: {:ok, String.t()} | {:error, Error.t()}
  def inspect(source, options \\ []), do: Native.result(:extism.inspect(source, Native.options(options)))

  @doc "Compiles a plug-in of one module ahead of time."
  @spec precompile(source(), options()) :: {:ok, binary()} | {:error, Error.t()}
  def precompile(source, options \\ []),
    do: Native.result(:extism.precompile(source, Native.options(options)))
end
