// The page's words in English and Chinese. The browser decides first, the button afterwards.

const words = {
  en: {
    newChat: "New chat", settings: "Settings", send: "Send", stop: "Stop", copy: "Copy", copied: "Copied",
    retry: "Try again", system: "System prompt", temperature: "Temperature", topP: "Top-p", maxTokens: "Longest answer (tokens)",
    placeholder: "Ask anything…", hint: "Enter sends · Shift+Enter starts a new line", language: "中文",
    themeauto: "Theme: auto", themelight: "Theme: light", themedark: "Theme: dark",
    welcome: "What shall we make?", stopped: "stopped", tooLong: "cut at the longest answer", failed: "The answer failed: ",
    noServer: "The server does not answer.", tokens: "tokens", perSecond: "tok/s", first: "first after",
    key: "Key of this server", keySave: "Use", keyNeeded: "This server needs a key. It is kept in this browser only.",
    keyWrong: "The server does not know this key.", you: "You", answer: "Answer",
    starters: ["Write a Python function that checks whether a number is prime.", "Explain recursion to a ten-year-old.", "Translate into Chinese: The early bird catches the worm."],
  },
  zh: {
    newChat: "新对话", settings: "设置", send: "发送", stop: "停止", copy: "复制", copied: "已复制",
    retry: "重新回答", system: "系统提示词", temperature: "温度", topP: "Top-p", maxTokens: "回答上限(词元)",
    placeholder: "想问什么?", hint: "回车发送 · Shift+回车换行", language: "English",
    themeauto: "主题:自动", themelight: "主题:浅色", themedark: "主题:深色",
    welcome: "今天做点什么?", stopped: "已停止", tooLong: "已达回答上限", failed: "回答失败:",
    noServer: "服务器没有响应。", tokens: "词元", perSecond: "词元/秒", first: "首词元",
    key: "服务器密钥", keySave: "使用", keyNeeded: "此服务器需要密钥。密钥只保存在本浏览器中。",
    keyWrong: "服务器不认识这个密钥。", you: "你", answer: "回答",
    starters: ["用 Python 写一个判断质数的函数。", "给十岁的孩子讲讲什么是递归。", "翻译成英文:千里之行,始于足下。"],
  },
};

export type Language = keyof typeof words;
export type Words = (typeof words)["en"];

const kKey = "atelier.language";

export function currentLanguage(): Language {
  const chosen = localStorage.getItem(kKey);
  if (chosen === "en" || chosen === "zh") return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function switchLanguage(): void {
  localStorage.setItem(kKey, currentLanguage() === "en" ? "zh" : "en");
}

export function say(): Words {
  return words[currentLanguage()];
}
