defmodule GameBox.Web.Assets do
  @moduledoc """
  The files of the page, read once. Each has a tag by its hash, so that browsers ask for what has changed only.
  """

  @folder Path.expand("../../../priv/static", __DIR__)
  @types %{
    ".html" => "text/html; charset=utf-8",
    ".js" => "text/javascript; charset=utf-8",
    ".css" => "text/css; charset=utf-8",
    ".svg" => "image/svg+xml"
  }

  @doc "Reads the files."
  @spec load() :: :ok
  def load do
    files =
      for file <- File.ls!(@folder), type = @types[Path.extname(file)], into: %{} do
        bytes = File.read!(Path.join(@folder, file))
        tag = Base.encode16(binary_part(:crypto.hash(:sha256, bytes), 0, 8), case: :lower)
        {file, {type, tag, bytes}}
      end

    :persistent_term.put(__MODULE__, files)
  end

  @doc "A file: its type, its tag and its bytes."
  @spec get(String.t()) :: {String.t(), String.t(), binary()} | nil
  def get(file), do: :persistent_term.get(__MODULE__)[file]
end
