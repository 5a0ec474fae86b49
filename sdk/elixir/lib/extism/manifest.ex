defmodule Extism.Manifest do
  @moduledoc """
  A manifest: which modules a plug-in is made of, and what it may do (docs/manifest.md). A plain map does as well.

      iex> manifest = Extism.Manifest.new([Extism.Manifest.path("examples/plugins/count_vowels.wasm")])
      iex> Extism.Manifest.to_json(%{manifest | timeout_ms: 1000, config: %{"vowels" => "aeiouy"}})
      {:ok, ~s({"config":{"vowels":"aeiouy"},"timeout_ms":1000,) <>
        ~s("wasm":[{"path":"examples/plugins/count_vowels.wasm"}]})}
  """

  @type wasm :: binary() | map()
  @type t :: %__MODULE__{
          wasm: [wasm()],
          memory: map() | nil,
          config: %{optional(String.t() | atom()) => String.t()} | nil,
          allowed_hosts: [String.t()] | nil,
          allowed_paths: %{String.t() => String.t()} | nil,
          timeout_ms: non_neg_integer() | nil
        }

  @enforce_keys [:wasm]
  defstruct [:wasm, :memory, :config, :allowed_hosts, :allowed_paths, :timeout_ms]

  @doc "A manifest of these modules, with fields of the struct as options."
  @spec new(wasm() | [wasm()], keyword()) :: t()
  def new(wasm, fields \\ []), do: struct!(%__MODULE__{wasm: List.wrap(wasm)}, fields)

  @doc "A module in a file. Options are `:name` and `:hash`."
  @spec path(Path.t(), keyword()) :: map()
  def path(path, meta \\ []), do: Map.new([{:path, path} | meta])

  @doc "A module given as it is, binary or text."
  @spec data(binary(), keyword()) :: map()
  def data(bytes, meta \\ []), do: Map.new([{:data, bytes} | meta])

  @doc "A module to fetch. Options are `:method`, `:headers`, `:name` and `:hash`."
  @spec url(String.t(), keyword()) :: map()
  def url(url, meta \\ []), do: Map.new([{:url, url} | meta])

  @doc "A manifest without inline modules as JSON."
  @spec to_json(t() | map()) :: {:ok, String.t()} | {:error, Extism.Error.t()}
  def to_json(manifest), do: Extism.Native.result(:extism_manifest.to_json(manifest))
end
